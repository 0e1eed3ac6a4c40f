#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What sealing costs, as ratios from one run: direct against through the gateway, interleaved, on this machine.
And how fast `signet verify` is, as a ratio to SHA-256 alone.

Prints a table and writes a report (build/bench/report.json), a list of {name, value, unit, goal, met,
lowest, highest}. Exit 1 when a goal is not met.

usage: bench/bench.py [--rounds N] [--warm-ups N] [--records N] [--partitions N] [--seconds N] [--report FILE]
"""

import argparse
import datetime
import json
import os
import random
import re
import statistics
import struct
import subprocess
import sys
import tempfile

ROOT = os.path.abspath(os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
sys.path.insert(0, os.path.join(ROOT, "tests/integration"))
os.environ.setdefault("SIGNET", os.path.join(ROOT, "build/signet"))

from gateway import Gateway  # noqa: E402
from kafka import Kafka, Listener  # noqa: E402

from busy import busy_connections  # noqa: E402
from verifying import verify_rows  # noqa: E402

BROKER_JVM = ("-Xms512m", "-Xmx1g", "-XX:+UseG1GC")
CODECS = ("none", "zstd")
BATCH_BYTES = 65536
RECORD_BYTES = 1024

CITIES = ("Amsterdam", "Bergen", "Cork", "Dresden", "Evora", "Faro", "Ghent", "Hamar", "Izmir", "Jena")
STATES = ("created", "paid", "packed", "shipped", "delivered", "returned")


def payload(path, lines=2000, seed=7):
    """JSON records of 1 KiB that compress about 4:1, the same ones in every run."""
    rng = random.Random(seed)
    with open(path, "w") as file:
        for number in range(lines):
            order = {"order": number, "customer": rng.randrange(10**8), "state": rng.choice(STATES), "items": []}
            while len(json.dumps(order)) < RECORD_BYTES - 120:
                order["items"].append({"sku": "%08x" % rng.getrandbits(32), "city": rng.choice(CITIES),
                                       "quantity": rng.randrange(1, 9), "price": round(rng.random() * 100, 2)})
            order["note"] = ""
            order["note"] = "".join(rng.choices("abcdefgh ", k=RECORD_BYTES - len(json.dumps(order))))
            file.write(json.dumps(order) + "\n")


class Load:
    """One of Kafka's own load generators, at work from now on."""

    def __init__(self, kafka, tool, topic, records, bootstrap, *arguments):
        command = ["java", "-Xmx512m", "-XX:+UseSerialGC", "-cp", os.path.join(kafka.home, "lib/*"),
                   "org.apache.kafka.tools." + tool, "--topic", topic, "--num-records", str(records),
                   "--bootstrap-server", bootstrap, *arguments]
        self._child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)

    def printed(self):
        """To the end."""
        out, _ = self._child.communicate()
        if self._child.returncode:
            raise RuntimeError("a load generator failed: " + out)
        return out


def producer(kafka, bootstrap, topic, codec, records, payload_path):
    return Load(kafka, "ProducerPerformance", topic, records, bootstrap, "--throughput", "-1", "--payload-file",
                payload_path, "--command-property", "batch.size=%d" % BATCH_BYTES, "linger.ms=100",
                "compression.type=" + codec, "acks=all")


def consumer(kafka, bootstrap, topic, records):
    return Load(kafka, "ConsumerPerformance", topic, records, bootstrap, "--timeout", "60000")


def produce(kafka, bootstrap, topic, codec, records, payload_path):
    """MB/s."""
    out = producer(kafka, bootstrap, topic, codec, records, payload_path).printed()
    return float(re.findall(r"\(([\d.]+) MB/sec\)", out)[-1])


def consumer_row(out):
    """What ConsumerPerformance has measured, by its own names."""
    names, values = (line.split(", ") for line in (out.splitlines()[0], out.splitlines()[-1]))
    return dict(zip(names, values))


def consume(kafka, bootstrap, topic, records):
    """MB/s from a backlog."""
    return float(consumer_row(consumer(kafka, bootstrap, topic, records).printed())["fetch.MB.sec"])


def first_timestamp(kafka, topic):
    """When the first record was made, in seconds: the first stored batch says it (KIP-98, BaseTimestamp)."""
    with open(kafka.segments(topic)[0], "rb") as file:
        return struct.unpack_from(">q", file.read(61), 27)[0] / 1000


def end_to_end(kafka, bootstrap, topic, codec, records, payload_path):
    """MB/s while both are at work, from when the first record was made until the last one has arrived."""
    consuming = consumer(kafka, bootstrap, topic, records)
    producer(kafka, bootstrap, topic, codec, records, payload_path).printed()
    row = consumer_row(consuming.printed())
    end = datetime.datetime.strptime(row["end.time"], "%Y-%m-%d %H:%M:%S:%f").timestamp()
    return float(row["data.consumed.in.MB"]) / (end - first_timestamp(kafka, topic))


def stored_bytes(kafka, topic):
    return sum(os.path.getsize(path) for path in kafka.segments(topic))


class Report:
    def __init__(self):
        self.rows = []

    def add(self, name, values, unit, goal=None, least=None, most=None):
        """The median of what the rounds gave, and how far apart they were."""
        value = statistics.median(values)
        met = (least is None or value >= least) and (most is None or value <= most)
        self.rows.append({"name": name, "value": round(value, 4), "unit": unit, "goal": goal, "met": met,
                          "lowest": round(min(values), 4), "highest": round(max(values), 4)})
        print("  %-34s %9.3f %-5s %9.3f to %-9.3f %-7s %s" % (
            name, value, unit, min(values), max(values), goal or "", "" if goal is None else "met" if met else "NOT MET"), flush=True)

    def write(self, path):
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w") as file:
            json.dump(self.rows, file, indent=1)


def progress(text):
    print("\r\033[K%s" % text if sys.stdout.isatty() else text, end="" if sys.stdout.isatty() else "\n", flush=True)


def measure_round(kafka, bootstrap, topic, codec, options, payload_path):
    """MB/s end to end, then produced and consumed apart, and the bytes stored."""
    kafka.topic(topic + "-both", partitions=options.partitions, file_delete_delay_ms=0)
    both = end_to_end(kafka, bootstrap, topic + "-both", codec, options.records, payload_path)
    kafka.delete_topic(topic + "-both")
    kafka.topic(topic, partitions=options.partitions, file_delete_delay_ms=0)
    produced = produce(kafka, bootstrap, topic, codec, options.records, payload_path)
    consumed = consume(kafka, bootstrap, topic, options.records)
    size = stored_bytes(kafka, topic)
    kafka.delete_topic(topic)
    return {"end to end": both, "produce": produced, "consume": consumed, "stored": size}


def measure_codec(kafka, gateway, report, codec, options, payload_path):
    """The two paths take turns at being first, since a machine's speed drifts; a ratio is that of a round's two halves."""
    paths = {"direct": kafka.bootstrap(), "sealed": gateway.bootstrap}
    rounds = []
    for number in range(options.warm_ups + options.rounds):
        measured = {}
        for path in sorted(paths, reverse=number % 2 == 1):
            progress("%s: round %d of %d, %s" % (codec, number + 1, options.warm_ups + options.rounds, path))
            topic = "%s-%s-%d" % (path, codec, number)
            measured[path] = measure_round(kafka, paths[path], topic, codec, options, payload_path)
        rounds.append(measured)
    progress("")
    rounds = rounds[options.warm_ups:]
    for verb in ("end to end", "produce", "consume"):
        for path in paths:
            report.add("%s %s, %s" % (verb, codec, path), [measured[path][verb] for measured in rounds], "MB/s")
        report.add("%s %s, sealed / direct" % (verb, codec),
                   [measured["sealed"][verb] / measured["direct"][verb] for measured in rounds], "", "≥ 0.80", least=0.8)
    report.add("stored bytes %s, sealed / plain" % codec,
               [measured["sealed"]["stored"] / measured["direct"]["stored"] for measured in rounds], "", "≤ 1.02", most=1.02)


def main():
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--rounds", type=int, default=6)
    options.add_argument("--warm-ups", type=int, default=1, help="rounds before those that count")
    options.add_argument("--records", type=int, default=500_000)
    options.add_argument("--partitions", type=int, default=1)
    options.add_argument("--seconds", type=int, default=10, help="how long the busy connections are")
    options.add_argument("--report", default=os.path.join(ROOT, "build/bench/report.json"))
    options = options.parse_args()
    report = Report()
    with tempfile.TemporaryDirectory(prefix="signet-bench-") as folder:
        payload_path = os.path.join(folder, "payload.jsonl")
        payload(payload_path)
        kafka = Kafka(os.path.join(folder, "kafka"), {"CLIENT": Listener()}, jvm=BROKER_JVM)
        with kafka, Gateway(os.path.join(folder, "gateway"), kafka, level="info") as gateway:
            for codec in CODECS:
                measure_codec(kafka, gateway, report, codec, options, payload_path)
            verify_rows(kafka, gateway, lambda topic: produce(kafka, gateway.bootstrap, topic, "none", options.records, payload_path),
                        options.rounds, report)
            busiest = busy_connections(kafka, gateway, connections=100, seconds=options.seconds)
            report.add("resident, 100 busy connections", [busiest / 2**20], "MiB", "≤ 64", most=64)
    report.write(options.report)
    missed = [row["name"] for row in report.rows if not row["met"]]
    print("\nreport: " + os.path.relpath(options.report) + ("; not met: " + ", ".join(missed) if missed else ""))
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
