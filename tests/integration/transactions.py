# SPDX-License-Identifier: Apache-2.0
"""Transactions of several producers at once, and the broker's list of aborted ones (.txnindex), read and written."""

import os
import struct
import time
from dataclasses import dataclass

import exchange
import segment
from confluent_kafka import Producer
from processes import eventually

_LINE = struct.Struct(">hqqqq")
LINE_BYTES = _LINE.size


@dataclass(frozen=True)
class Line:
    """One aborted transaction."""

    version: int
    producer_id: int
    first: int
    last: int
    stable: int

    def pack(self):
        return _LINE.pack(self.version, self.producer_id, self.first, self.last, self.stable)


def list_path(path):
    """Beside a segment."""
    return path[:-len(".log")] + ".txnindex"


def read_list(path):
    if not os.path.exists(list_path(path)):
        return []
    with open(list_path(path), "rb") as file:
        return [Line(*fields) for fields in _LINE.iter_unpack(file.read())]


def write_list(path, lines):
    with open(list_path(path), "wb") as file:
        file.write(b"".join(line.pack() for line in lines))


def grow_old(path):
    """As a segment is that nobody has written to for a while."""
    os.utime(path, (time.time() - 3600,) * 2)


class Transactor:
    """A transactional producer."""

    def __init__(self, bootstrap, name=None, timeout_ms=60_000, **settings):
        self.producer = Producer({"bootstrap.servers": bootstrap, "transactional.id": name or exchange.group("transactor"),
                                  "transaction.timeout.ms": timeout_ms, "log_level": 0, "linger.ms": 0, **settings})
        self.producer.init_transactions(30)

    def begin(self):
        self.producer.begin_transaction()
        return self

    def send(self, topic, records=1, value_bytes=10, partition=0):
        """A batch that is stored when this returns."""
        for _ in range(records):
            self.producer.produce(topic, b"v" * value_bytes, b"k", partition)
        assert self.producer.flush(30) == 0
        return self

    def commit(self):
        self.producer.commit_transaction(30)
        return self

    def abort(self):
        self.producer.abort_transaction(30)
        return self

    def whole(self, topic, commit=True, **how):
        self.begin().send(topic, **how)
        return self.commit() if commit else self.abort()


def batches(kafka, topic, partition=0):
    return [batch for path in kafka.segments(topic, partition) for batch in segment.read(path)]


def markers(kafka, topic, partition=0):
    return [batch for batch in batches(kafka, topic, partition) if batch.control]


def says_abort(marker):
    """A marker's key is its version and what it says: 0 is abort, 1 is commit."""
    return b"\x08\0\0\0\0" in marker.records


def settled(kafka, topic, count, partition=0):
    """Waits for so many markers, and for the lines of those that abort: both are written after coordinators answered."""
    def done():
        found = markers(kafka, topic, partition)
        lines = [line.last for path in kafka.segments(topic, partition) for line in read_list(path)]
        return len(found) >= count and set(lines) >= {m.base_offset for m in found if says_abort(m)}
    eventually(done, 60)
