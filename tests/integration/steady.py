# SPDX-License-Identifier: Apache-2.0
"""A producer that goes on while something happens, and what must have come of it in the end."""

import threading
import time

from confluent_kafka import Producer


class Steady:
    """An idempotent producer that sends a numbered record every few milliseconds while in its with block.

    At its end every record must have been taken; `slowest` is how many seconds that took at most. `settings` are librdkafka's.
    """

    def __init__(self, endpoint, topic, partitions=1, pause=0.01, padding=0, **settings):
        self.topic, self.partitions, self.pause = topic, partitions, pause
        self.padding = b" " * padding
        self.sent, self.failed, self.slowest = 0, [], 0
        self.producer = Producer({"bootstrap.servers": endpoint.bootstrap, "enable.idempotence": True, "linger.ms": 5,
                                  "reconnect.backoff.max.ms": 500, "log_level": 0, "message.timeout.ms": 60000,
                                  **settings})

    def __enter__(self):
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._send, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, kind, *_):
        self._done.set()
        self._thread.join()
        left = self.producer.flush(60)
        if kind is None:
            assert left == 0 and not self.failed, (left, self.failed[:3])

    def _send(self):
        while not self._done.wait(self.pause):
            self.producer.produce(self.topic, b"%d" % self.sent + self.padding, partition=self.sent % self.partitions,
                                  on_delivery=self._delivered(time.monotonic()))
            self.producer.poll(0)
            self.sent += 1

    def _delivered(self, began):
        def note(error, _):
            if error:
                self.failed.append(error)
            self.slowest = max(self.slowest, time.monotonic() - began)
        return note

    def check(self, result):
        """That every record is there, once and in the order of its partition."""
        assert sorted(int(r.value) for r in result.records) == list(range(self.sent)), result.client
        for partition in range(self.partitions):
            numbers = [int(r.value) for r in result.in_order() if r.partition == partition]
            assert numbers == sorted(numbers), result.client
