#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Faults, traffic and checks, mixed for as long as it is told.

usage: torture.py [--seconds N] [--seed N] [--kafka-version VERSION] [--keep DIRECTORY]

What is done depends on the seed alone; when, on the machine. A run that fails says so at once, and exits with 1.
"""

import argparse
import collections
import faulthandler
import os
import signal
import random
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "integration"))

import check
import faults
import traffic
from processes import eventually
from stage import Stage

ROUND_SECONDS = 20
OVERLAPPING_MAX = 2
TOPICS = {"kept": 3, "leading": 2, "transactions": 2}
LOSSY = ("leading",)


class Torture:
    """One run on a stage that stands. print: where each step goes, with its time."""

    def __init__(self, stage, seed, print=print):
        self.stage, self.seed, self.random = stage, seed, random.Random(seed)
        self.print, self.begun = print, time.monotonic()
        self.active = []  # (when it ends, fault)
        self.done = collections.Counter()
        stage.topics = dict(TOPICS)

    def say(self, *words):
        self.print("%7.2f" % (time.monotonic() - self.begun), *words, flush=True)

    # Traffic.

    def open(self):
        for topic, partitions in TOPICS.items():
            self.stage.topic(topic, partitions)
        self.senders = [kind(name, self.stage.bootstrap, topic, TOPICS[topic], self.seed) for kind, name, topic in (
            (traffic.Idempotent, "idempotent-1", "kept"), (traffic.Idempotent, "idempotent-2", "kept"),
            (traffic.Repeating, "repeating", "kept"), (traffic.Leading, "leading", "leading"),
            (traffic.Transactional, "transactional-1", "transactions"), (traffic.Transactional, "transactional-2", "transactions"))]
        self.readers = [traffic.Reader("all", self.stage.bootstrap, TOPICS, **{"isolation.level": "read_uncommitted"}),
                        traffic.Reader("committed", self.stage.bootstrap, TOPICS, group="committed")]
        for client in self.senders + self.readers:
            client.start()

    def close(self):
        for client in self.senders + self.readers:
            client.finish()

    # Faults.

    def next_fault(self):
        """The seed's next one, and the seconds until the one after it."""
        fault = self.random.choice(faults.FAULTS)(self.random, self.stage)
        return fault, self.random.uniform(0.1, 3)

    def go_on(self, until):
        """Faults until a point in time, all of which are made good again."""
        while time.monotonic() < until:
            fault, pause = self.next_fault()
            while not self._may_begin(fault):
                self._undo_first()
            if time.monotonic() > until:
                break
            self.say("do  ", fault, "for %.1f s" % fault.lasts)
            fault.do()
            self.done[type(fault).__name__] += 1
            self.active.append((time.monotonic() + fault.lasts, fault))
            self._wait(min(until, time.monotonic() + pause))
            self._check_alive()
        while self.active:
            self._undo_first()

    def _may_begin(self, fault):
        return len(self.active) < OVERLAPPING_MAX and not any(fault.excludes(other) for _, other in self.active)

    def _undo_first(self):
        self.active.sort(key=lambda row: row[0])
        ends, fault = self.active[0]
        time.sleep(max(0, ends - time.monotonic()))
        self._undo()

    def _undo(self):
        _, fault = self.active.pop(0)
        self.say("undo", fault)
        fault.undo()

    def _wait(self, until):
        """Time passes, and faults end."""
        while self.active and min(self.active, key=lambda row: row[0])[0] < until:
            self._undo_first()
        time.sleep(max(0, until - time.monotonic()))

    def _check_alive(self):
        for client in self.senders + self.readers:
            assert client.failure is None, (client.name, client.failure)

    # Checks.

    def check(self):
        """Everything, while nothing is sent."""
        for sender in self.senders:
            sender.hold()
        for sender in self.senders:
            sender.wait_held()
            sender.settle()
        self.stage.in_sync(TOPICS)
        for topic, partitions in TOPICS.items():
            contents = check.Contents(self.stage.bootstrap, topic, partitions)
            contents.check([sender for sender in self.senders if sender.topic == topic])
            self._check_readers(contents)
        check.check_gateways(self.stage.gateways)
        for node in self.stage.kafka.nodes:
            folder = [self.stage.kafka.data(node)]
            check.Verified(self.stage.gateways, folder, ledgers=False).check()
            verified = check.Verified(self.stage.gateways, folder).check(LOSSY)
            self.say("verified node %d: %s" % (node, verified.words))
        self.say("checked:", ", ".join("%s %d" % (sender.name, sender.sent) for sender in self.senders))
        for sender in self.senders:
            sender.go_on()

    def _check_readers(self, contents):
        """That whoever reads on and on has got what somebody gets who begins now."""
        for reader, expected in zip(self.readers, (contents.all, contents.committed)):
            for partition, rows in expected.items():
                read = reader.read[contents.topic, partition]
                eventually(lambda: reader.failure or rows.items() <= read.items(), 120)
                assert reader.failure is None, (reader.name, reader.failure)
                behind = {offset: row for offset, row in list(read.items()) if offset >= contents.starts[partition]}
                assert behind == rows, (reader.name, contents.topic, partition, "read what is no more")

    def run(self, seconds):
        self.say("seed", self.seed, "for", seconds, "s; to repeat: make torture SECONDS=%d SEED=%d" % (seconds, self.seed))
        self.open()
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.go_on(min(end, time.monotonic() + ROUND_SECONDS))
            self.check()
        self.close()
        self.say("silent;", ", ".join("%s %d" % row for row in sorted(self.done.items())))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--kafka-version", default=None)
    parser.add_argument("--keep", default=None, help="a folder that does not exist yet, for everything to look at afterwards")
    given = parser.parse_args()
    faulthandler.register(signal.SIGUSR1)  # Where a run stands that seems to stand still.
    seed = random.SystemRandom().randrange(1_000_000) if given.seed is None else given.seed
    with tempfile.TemporaryDirectory(prefix="signet-torture-") as directory:
        with Stage(given.keep or directory, version=given.kafka_version) as stage:
            Torture(stage, seed).run(given.seconds)


if __name__ == "__main__":
    main()
