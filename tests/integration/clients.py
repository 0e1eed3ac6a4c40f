# SPDX-License-Identifier: Apache-2.0
"""The client drivers of tests/clients, from Python.

    clients.produce("java", job)                → Result, or a list of them for a list of jobs
    clients.consume("franz", job)
    clients.start("java", "consume", job)       → Running: wait_ready(), result()
    clients.together(lambda: …, lambda: …)      → the results, in order

A job is the dictionary that tests/clients/README.md describes, but its records are Records, not base64 text.
Drivers stay up between calls and are handed from one to the next, so that a JVM starts once in a run.
"""

import base64
import collections
import functools
import json
import os
import subprocess
import tempfile
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Optional

import processes

ROOT = os.path.abspath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))

CLIENTS = ("java", "librdkafka", "kafka_python", "franz", "kafkajs")
CODECS = ("none", "gzip", "snappy", "lz4", "zstd")

# What each client cannot do: tests leave these out, and nothing else.
CANNOT = {
    "java": set(),
    "librdkafka": set(),
    "kafka_python": {"consumer protocol", "share groups", "send null headers", "send null key and value"},
    "franz": {"report error 2"},
    "kafkajs": {"consumer protocol", "share groups", "send null headers", "check CRCs", "tell timestamp types"},
}

# Codes whose name is spelt otherwise by some client.
NAMES = {
    1: "OFFSET_OUT_OF_RANGE",
    2: "CORRUPT_MESSAGE",
    3: "UNKNOWN_TOPIC_OR_PARTITION",
    6: "NOT_LEADER_OR_FOLLOWER",
    7: "REQUEST_TIMED_OUT",
    10: "MESSAGE_TOO_LARGE",
    19: "NOT_ENOUGH_REPLICAS",
    29: "TOPIC_AUTHORIZATION_FAILED",
    30: "GROUP_AUTHORIZATION_FAILED",
    31: "CLUSTER_AUTHORIZATION_FAILED",
    44: "POLICY_VIOLATION",
    53: "TRANSACTIONAL_ID_AUTHORIZATION_FAILED",
    58: "SASL_AUTHENTICATION_FAILED",
    87: "INVALID_RECORD",
}

# A driver that answers this much later than its jobs allow is taken for dead.
GRACE_SECONDS = 40


def can(client, *abilities):
    return not CANNOT[client] & set(abilities)


def available(client):
    """Whether this machine can make and run the client's driver."""
    build()
    return os.access(_path(client), os.X_OK)


@functools.cache
def build():
    """Makes the drivers that are not up to date; those whose toolchain is missing stay unavailable."""
    subprocess.run([os.path.join(ROOT, "tests/clients/build")], check=True)


@dataclass(frozen=True)
class Record:
    """A record to send, or one received; offset and timestamp_type only on the latter."""

    key: Optional[bytes] = None
    value: Optional[bytes] = None
    headers: tuple = ()
    timestamp: Optional[int] = None
    partition: Optional[int] = None
    offset: Optional[int] = None
    timestamp_type: Optional[str] = None

    def content(self):
        """What a producer sends and every consumer must get."""
        return replace(self, offset=None, timestamp_type=None)

    def place(self):
        return self.partition, self.offset

    def line(self):
        return {
            "key": _encode(self.key),
            "value": _encode(self.value),
            "headers": [[name, _encode(value)] for name, value in self.headers],
            "timestamp": self.timestamp,
            "partition": self.partition,
        }


@dataclass(frozen=True)
class Error:
    name: str
    code: int
    message: str
    partition: Optional[int] = None
    index: Optional[int] = None


@dataclass
class Result:
    """What one job came to: records received, places of records sent (None where one failed), and errors."""

    client: str
    records: list = field(default_factory=list)
    sent: list = field(default_factory=list)
    errors: list = field(default_factory=list)
    exit: Optional[int] = None

    @property
    def ok(self):
        return self.exit == 0

    @property
    def codes(self):
        return {error.code for error in self.errors}

    @property
    def timed_out(self):
        return any(error.name == "TIMEOUT" for error in self.errors)

    def check(self):
        """This result, after asserting that all went well."""
        assert self.ok, "%s: %s" % (self.client, self.errors[:5])
        return self

    def in_order(self):
        return sorted(self.records, key=Record.place)

    def take(self, line):
        if "error" in line:
            name = NAMES.get(line["code"], line["error"])
            self.errors.append(Error(name, line["code"], line["message"], line.get("partition"), line.get("index")))
            if "index" in line:
                self._place(line["index"], None)
        elif "index" in line:
            self._place(line["index"], (line["partition"], line["offset"]))
        elif "exit" in line:
            self.exit = line["exit"]
        elif "offset" in line:
            self.records.append(_record(line))

    def _place(self, index, at):
        self.sent.extend([None] * (index + 1 - len(self.sent)))
        self.sent[index] = at


def produce(client, job):
    return _run(client, "produce", job)


def consume(client, job):
    return _run(client, "consume", job)


def together(*calls):
    """Runs functions without arguments at the same time; what they return, in order."""
    with ThreadPoolExecutor(len(calls)) as pool:
        return [future.result() for future in [pool.submit(call) for call in calls]]


def start(client, verb, job):
    """Starts one job and returns at once."""
    return Running(client, verb, job)


class Running:
    """A job on its way."""

    def __init__(self, client, verb, job):
        self._ready = threading.Event()
        self._pool = ThreadPoolExecutor(1)
        self._future = self._pool.submit(_run, client, verb, job, self._ready.set)
        self._future.add_done_callback(lambda _: self._ready.set())
        self._pool.shutdown(wait=False)

    def wait_ready(self, seconds=30):
        """Waits until a consumer has its partitions and its place in them."""
        assert self._ready.wait(seconds), "not ready"
        return self

    def result(self):
        return self._future.result()


def _run(client, verb, job, on_ready=None):
    several = isinstance(job, list)
    jobs = job if several else [job]
    driver = _borrow(client)
    # A driver that raised is in an unknown state and is not handed back.
    try:
        results = driver.ask(verb, jobs, on_ready)
    except BaseException:
        driver.end()
        raise
    _idle[client].append(driver)
    return results if several else results[0]


_idle = collections.defaultdict(list)


def _borrow(client):
    while True:
        try:
            driver = _idle[client].pop()
        except IndexError:
            return _Driver(client)
        if driver.alive():
            return driver


def close():
    """Ends the drivers that nobody is using."""
    for drivers in _idle.values():
        while drivers:
            drivers.pop().end()


class _Driver:
    def __init__(self, client):
        build()
        self.client = client
        self.printed = tempfile.TemporaryFile("w+")
        self.child = processes.spawn([_path(client), "serve"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                     stderr=self.printed, text=True)

    def alive(self):
        return self.child.poll() is None

    def end(self):
        self.child.kill()
        self.child.wait()

    def ask(self, verb, jobs, on_ready):
        results = [Result(self.client) for _ in jobs]
        watchdog = threading.Timer(_seconds_max(jobs), self.child.kill)
        watchdog.start()
        try:
            self.child.stdin.write(json.dumps({"verb": verb, "jobs": [_lines(job) for job in jobs]}) + "\n")
            self.child.stdin.flush()
            for text in self.child.stdout:
                line = json.loads(text)
                if "done" in line:
                    return results
                if "ready" in line and on_ready:
                    on_ready()
                results[line["job"]].take(line)
        except BrokenPipeError:
            pass
        finally:
            watchdog.cancel()
        self.child.wait()
        self.printed.seek(0)
        raise RuntimeError("the %s driver ended: %s" % (self.client, self.printed.read()[-4000:]))


def _seconds_max(jobs):
    return sum(job.get("timeout_ms", 20000) for job in jobs) / 1000 * 2 + GRACE_SECONDS


def _lines(job):
    job = dict(job)
    if job.get("records") is not None:
        job["records"] = [record.line() for record in job["records"]]
    if job.get("transactions") is not None:
        job["transactions"] = [{**t, "records": [r.line() for r in t["records"]]} for t in job["transactions"]]
    return job


def _record(line):
    return Record(
        key=_decode(line["key"]),
        value=_decode(line["value"]),
        headers=tuple((name, _decode(value)) for name, value in line["headers"]),
        timestamp=line["timestamp"],
        partition=line["partition"],
        offset=line["offset"],
        timestamp_type=line["timestamp_type"],
    )


def _path(client):
    return os.path.join(ROOT, "build", "clients", client)


def _encode(data):
    return None if data is None else base64.b64encode(data).decode()


def _decode(text):
    return None if text is None else base64.b64decode(text)
