# SPDX-License-Identifier: Apache-2.0
"""What attackers with a broker's disk do to sealed logs, and what a reader must make of it."""

import itertools
import struct
import time
from dataclasses import dataclass, field, replace
from typing import Callable, Optional

import clients
import exchange
import segment
from clients import Record
from edits import (adding, arranging, attributes, bringing, changing, emptied, flipping, flipping_within, forged,
                   forging, having, marker, moving, stubs, with_fewer_records)
from envelope import (fetch, with_a_keyed_stub, with_a_record_for_a_stub, with_another_stub, with_blocks,
                      without_last_stub)
from gateway import connect

READER = "librdkafka"
BATCHES = 4
LEADER_SECONDS_MAX = 30
NONE, CORRUPT_MESSAGE, NOT_LEADER, INVALID_RECORD = 0, 2, 6, 87

POLICY = [
    {"match": "*", "seal": True},
    {"match": "append-*", "seal": True, "timestamp-type": "log-append-time"},
    {"match": "shut-*", "seal": True, "open": False},
    {"match": "clear-*", "seal": False},
]


@dataclass(frozen=True, eq=False)
class Kind:
    """Logs that are alike: BATCHES batches of so many records each."""

    name: str
    records: int = 3
    job: dict = field(default_factory=dict)
    settings: dict = field(default_factory=dict)
    one_connection: bool = True
    apart_ms: int = 0  # from one batch's time to the next one's

    def record(self, partition, index, offset=None):
        at = exchange.START + index + index // self.records * self.apart_ms
        return Record(b"k%d" % index, b"record %d of %d" % (index, partition), (), at, partition, offset)

    def batch(self, partition, index):
        return [self.record(partition, i) for i in range(index * self.records, (index + 1) * self.records)]


PLAIN = Kind("few-stubs")
ZSTD = Kind("many-stubs", records=40)
SINGLE = Kind("no-stubs", records=1)
GZIP = Kind("recompressed", settings={"compression_type": "gzip"})
APPEND = Kind("append-time", settings={"message_timestamp_type": "LogAppendTime"})
LEADER_ONLY = Kind("leader-only", job={"acks": 1, "idempotent": False})
CONNECTIONS = Kind("connections", one_connection=False)
LEADER_CONNECTIONS = Kind("leader-only-connections", job=LEADER_ONLY.job, one_connection=False)


@dataclass(frozen=True, eq=False)
class Attack:
    """What is done to a log, and what a reader makes of it.

    edit: from the log's batches, and those of other genuine logs by name, to what stands there afterwards.
    verdict: None where a reader cannot tell, and gets what is there.
    kept: the numbers of the genuine batches that are delivered, in their order.
    at: the offset of the batch refused; None is the one after those.
    """

    label: str
    edit: Callable
    verdict: Optional[str]
    kind: Kind = PLAIN
    kept: tuple = (0,)
    at: Optional[int] = None

    @property
    def offset(self):
        return len(self.kept) * self.kind.records if self.at is None else self.at


def alone(label, edit, verdict, **fields):
    """An attack in a topic of its own: some clients stop at another partition's error too."""
    return Attack(label, edit, verdict, Kind("alone"), **fields)


# By section 8.1 of the specification: what is no envelope any more, what breaks its rules, and what the hash tells.
PARTS = [
    Attack("%s of the envelope" % part, flipping(part, mask, back), verdict)
    for part, mask, back, verdict in [
        ("magic", 1, 1, "unsealed"),
        ("version", 2, 1, "unsupported"),
        ("suite", 2, 1, "unsupported"),
        ("header size", 1, 1, "malformed"),
        ("topic id", 1, 1, "altered"),
        ("partition", 1, 1, "altered"),
        ("writer", 1, 1, "unknown writer"),
        ("stream", 1, 1, "altered"),
        ("sequence", 2, 1, "altered"),
        ("previous link", 1, 1, "altered"),
        ("seal time", 1, 1, "altered"),
        ("nonce", 1, 1, "altered"),
        ("key commitment", 1, 1, "altered"),
        ("inner attributes", 1, 1, "altered"),
        ("inner last offset delta", 1, 1, "malformed"),
        ("inner base timestamp", 1, 1, "altered"),
        ("inner max timestamp", 1, 1, "altered"),
        ("inner producer id", 1, 1, "altered"),
        ("inner producer epoch", 1, 1, "altered"),
        ("inner base sequence", 1, 1, "altered"),
        ("inner record count", 1, 1, "malformed"),
        ("cluster id size", 1, 1, "malformed"),
        ("cluster id", 1, 1, "altered"),
        ("topic name size", 1, 1, "malformed"),
        ("topic name", 1, 1, "altered"),
        ("principal size", 1, 1, "malformed"),
        ("principal", 1, 1, "altered"),
        ("predecessor count", 1, 1, "malformed"),
        ("predecessor offset", 1, 1, "altered"),
        ("predecessor seal", 1, 1, "altered"),
        ("predecessor producer", 1, 1, "altered"),
        ("key scheme", 2, 1, "malformed"),
        ("recipient count", 2, 1, "malformed"),
        ("recipient id", 1, 1, "altered"),
        ("wrapped key", 1, 1, "altered"),
        ("ciphertext", 1, 1, "altered"),
        ("tag", 1, 1, "altered"),
        ("signature", 1, 1, "altered"),
        ("signature", 1, 64, "altered"),
    ]
] + [
    Attack("partition made negative", flipping("partition", 0x80, 4), "malformed"),
    Attack("inner batch made a control batch", flipping("inner attributes", 0x20), "malformed"),
    Attack("ciphertext, its CRC left as it was", flipping("ciphertext", repair=False), "altered"),
]

OUTER = [
    Attack("codec gzip claimed", attributes(1), "malformed"),
    Attack("codec zstd claimed", attributes(4), "malformed"),
    Attack("codec unknown", attributes(5), "malformed"),
    Attack("LogAppendTime claimed", attributes(segment.APPEND_TIME), "altered"),
    Attack("transaction claimed", attributes(segment.TRANSACTIONAL), "altered"),
    Attack("control batch claimed", attributes(segment.CONTROL | segment.TRANSACTIONAL), "malformed"),
    Attack("delete horizon claimed", attributes(0x40), "altered"),
    Attack("unused attribute", attributes(0x80), "altered"),
    Attack("outer last offset delta", adding("last_offset_delta", 1), "altered"),
    Attack("outer base timestamp", adding("base_timestamp", 1), "altered"),
    Attack("outer max timestamp", adding("max_timestamp", 1), "altered"),
    Attack("outer producer id", adding("producer_id", 1), "altered"),
    Attack("outer producer epoch", adding("producer_epoch", 1), "altered"),
    Attack("outer base sequence", adding("base_sequence", 1), "altered"),
    Attack("outer record count raised", adding("record_count", 1), "altered"),
    Attack("outer record count lowered", adding("record_count", -1), "altered"),
    Attack("outer record count zero", having(record_count=0), "malformed"),
    Attack("outer magic 3", having(magic=3), "malformed"),
    Attack("leader epoch, which is the brokers' own", having(leader_epoch=7), None, kept=(0, 1, 2, 3)),
]

STUBS = [
    Attack("stub altered", stubs(with_a_keyed_stub), "altered"),
    Attack("stub removed", stubs(without_last_stub), "altered"),
    Attack("stub added", stubs(with_another_stub), "altered"),
    Attack("stub made a record", stubs(with_a_record_for_a_stub), "altered"),
    Attack("record less, with every count", changing(1, with_fewer_records), "altered"),
    Attack("emptied, as the cleaner does", changing(1, emptied), "malformed"),
    Attack("stub altered under zstd", stubs(with_a_keyed_stub), "altered", ZSTD),
    Attack("stub removed under zstd", stubs(without_last_stub), "altered", ZSTD),
    Attack("stub added under zstd", stubs(with_another_stub), "altered", ZSTD),
    Attack("stub altered in the sealer's own frame", changing(1, lambda b: with_blocks(b, with_a_keyed_stub)),
           "altered", ZSTD),
    Attack("the sealer's own frame made anew", changing(1, lambda b: with_blocks(b, lambda same: same)), None, ZSTD,
           (0, 1, 2, 3)),
    Attack("byte of the compressed stubs", changing(1, lambda batch: batch.flipped(len(batch) - 8)), "altered", ZSTD),
    Attack("ciphertext under zstd", flipping("ciphertext"), "altered", ZSTD),
    Attack("tag under zstd", flipping("tag"), "altered", ZSTD),
    Attack("signature under zstd", flipping("signature"), "altered", ZSTD),
    Attack("stub altered under gzip", stubs(with_a_keyed_stub), "altered", GZIP),
    Attack("ciphertext under gzip", flipping_within("ciphertext"), "altered", GZIP),
    Attack("sequence under gzip", flipping_within("sequence"), "malformed", GZIP),
    Attack("gzip cut short", changing(1, lambda b: b.having_records(b.records[:-9])), "malformed", GZIP),
    Attack("compressed anew, as brokers may", stubs(lambda same: same), None, ZSTD, (0, 1, 2, 3)),
]

ORDER = [
    Attack("removed, a hole left", arranging(segment.remove, 1, close=False), "wrong offset", at=6),
    Attack("removed, the hole closed", arranging(segment.remove, 1), "removed"),
    Attack("first one removed, the hole closed", arranging(segment.remove, 0), "removed", kept=()),
    Attack("exchanged", arranging(segment.exchange, 1, 2), "removed"),
    Attack("replayed at the end", arranging(segment.duplicate, 1), "replayed", kept=(0, 1, 2, 3)),
    Attack("replayed in the middle", arranging(segment.duplicate, 1, 2), "replayed", kept=(0, 1)),
    Attack("replayed in place of another", lambda found, others: segment.replace(found, 1, found[0]), "replayed"),
    Attack("base offset raised", moving(1, 4), "wrong offset", at=4),
    Attack("base offset lowered", moving(2, 5), "wrong offset", kept=(0, 1), at=5),
    Attack("all offsets shifted", arranging(segment.renumber, 1), "wrong offset", kept=(), at=1),
    Attack("from another partition", bringing("partition"), "wrong place"),
    Attack("from another topic", bringing("topic"), "wrong place"),
    Attack("from a deleted topic of this name", bringing("deleted"), "wrong place"),
    Attack("forged in place of one", forging(1), "unsealed"),
    Attack("forged at the end", lambda found, others: segment.append(found, forged()), "unsealed", kept=(0, 1, 2, 3)),
    Attack("a marker in place of one", marker, "removed", SINGLE, at=2),
    Attack("the tail cut", lambda found, others: found[:3], None, kept=(0, 1, 2)),
    Attack("one of several connections' removed", arranging(segment.remove, 1), "removed", CONNECTIONS),
    Attack("exchanged across connections", arranging(segment.exchange, 1, 2), "removed", CONNECTIONS),
    Attack("replayed across connections", arranging(segment.duplicate, 1), "replayed", CONNECTIONS, (0, 1, 2, 3)),
    Attack("exchanged, acks=1", arranging(segment.exchange, 1, 2), "out of order", LEADER_ONLY, (0, 2)),
    Attack("replayed, acks=1", arranging(segment.duplicate, 1), "replayed", LEADER_ONLY, (0, 1, 2, 3)),
    Attack("removed, a hole left, acks=1", arranging(segment.remove, 1, close=False), "wrong offset", LEADER_ONLY,
           at=6),
    Attack("removed, the hole closed, acks=1", arranging(segment.remove, 1), None, LEADER_ONLY, (0, 2, 3)),
    Attack("exchanged across connections, acks=1", arranging(segment.exchange, 1, 2), None, LEADER_CONNECTIONS,
           (0, 2, 1, 3)),
    Attack("replayed across connections, acks=1", arranging(segment.duplicate, 1), "replayed", LEADER_CONNECTIONS,
           (0, 1, 2, 3)),
]

MINUTE_MS = 60_000

TIME = [
    Attack("CreateTime claimed", attributes(segment.APPEND_TIME), "altered", APPEND),
    Attack("appended long after it was sealed", adding("max_timestamp", 11 * MINUTE_MS), "altered", APPEND),
    Attack("appended long before it was sealed", adding("max_timestamp", -11 * MINUTE_MS), "altered", APPEND),
    Attack("appended soon after", adding("max_timestamp", 9 * MINUTE_MS), None, APPEND, (0, 1, 2, 3)),
]


@dataclass(frozen=True, eq=False)
class Acceptance:
    """Offsets that the trust file comes to accept, and the genuine batches that are delivered then, by base offset."""

    attack: Attack
    first: int
    last: int
    delivered: dict

    @property
    def label(self):
        return self.attack.label

    def records(self, partition):
        return [replace(record, offset=base + i) for base, index in self.delivered.items()
                for i, record in enumerate(self.attack.kind.batch(partition, index))]


ACCEPTED = [
    Acceptance(alone("altered, to accept", flipping("ciphertext"), "altered"), 3, 5, {0: 0, 6: 2, 9: 3}),
    Acceptance(alone("forged, to accept", forging(1), "unsealed"), 3, 5, {0: 0, 6: 2, 9: 3}),
    Acceptance(alone("a hole, to accept", arranging(segment.remove, 1, close=False), "wrong offset", at=6), 3, 5,
               {0: 0, 6: 2, 9: 3}),
    Acceptance(alone("removed, to accept", arranging(segment.remove, 1), "removed"), 3, 8, {0: 0, 3: 2, 6: 3}),
    Acceptance(alone("replayed, to accept", arranging(segment.duplicate, 1, 2), "replayed", kept=(0, 1)), 6, 8,
               {0: 0, 3: 1, 9: 2, 12: 3}),
]

CIPHERTEXT = next(attack for attack in PARTS if attack.label == "ciphertext of the envelope")
ALTERED = alone("altered, for every client", flipping("ciphertext"), "altered")
UNTOUCHED = Attack("untouched", lambda found, others: found, None, kept=(0, 1, 2, 3))

ATTACKS = [UNTOUCHED, ALTERED, *PARTS, *OUTER, *STUBS, *ORDER, *TIME, *(case.attack for case in ACCEPTED)]


def label(case):
    return case.label


# Logs, and what is read from them.


class Logs:
    """A topic for each kind and a partition for each attack on it; `stored` has what stands there afterwards."""

    def __init__(self, writing):
        self.writing, self.kafka = writing, writing.kafka
        self.attacks, self.topics, self.stored = {}, {}, {}
        for attack in ATTACKS:
            self.attacks.setdefault(attack.kind, []).append(attack)

    def place(self, attack):
        return self.topics[attack.kind], self.attacks[attack.kind].index(attack)

    def make(self):
        elsewhere, deleted = self.writing.topic("elsewhere"), self.writing.topic(PLAIN.name)
        self.others = {"topic": self._fill(PLAIN, elsewhere, 1), "deleted": self._fill(PLAIN, deleted, 1)}
        self.kafka.delete_topic(deleted)
        for kind in reversed(self.attacks):
            name = deleted if kind is PLAIN else exchange.group(kind.name)
            self.topics[kind] = self.kafka.topic(name, len(self.attacks[kind]), **kind.settings)
        for kind, attacks in self.attacks.items():
            self._fill(kind, self.topics[kind], len(attacks))
        self.others["partition"] = self.batches(*self.place(UNTOUCHED))

    def batches(self, topic, partition=0):
        return segment.read(self.kafka.segments(topic, partition)[-1])

    def partitions(self):
        for kind, attacks in self.attacks.items():
            yield from ((self.topics[kind], partition) for partition in range(len(attacks)))
        yield from ((self.transactions.topic, partition) for partition in range(len(OUTCOMES)))

    def edit(self):
        """What the attacker does while the broker is down."""
        for attack in ATTACKS:
            path = self.kafka.segments(*self.place(attack))[-1]
            self.stored[attack] = segment.rewrite(path, lambda found: attack.edit(found, self.others))

    def _fill(self, kind, topic, partitions):
        """Every partition gets its first batch, then every one its second, and so on."""
        batches = [list(itertools.chain(*(kind.batch(p, i) for p in range(partitions)))) for i in range(BATCHES)]
        connections = [list(itertools.chain(*batches))] if kind.one_connection else batches
        job = {"batch_records": kind.records * partitions, "idempotent": True, **kind.job}
        for records in connections:
            exchange.send(self.writing, READER, topic, records, **job)
        return self.batches(topic)


def send_from(endpoints, topic, **job):
    """A batch from each of them, one after another."""
    for index, endpoint in enumerate(endpoints):
        exchange.send(endpoint, READER, topic, PLAIN.batch(0, index), one_batch=True, **job)


def read(endpoint, topic, partition, count, client=READER, **fields):
    job = endpoint.job(topic, start={str(partition): 0}, count=count, timeout_ms=8000, **fields)
    return clients.consume(client, job)


def contents(records, timestamps=True):
    return [(r.offset, r.key, r.value, r.timestamp if timestamps else None) for r in records]


def placed(records):
    """Records as they are read: one after another from offset 0 on."""
    return [replace(record, offset=offset) for offset, record in enumerate(records)]


def refused(gateway, topic, partition=0):
    return [(verdict, offset) for verdict, at, offset in gateway.refusals(topic) if at == partition]


def check_fetches(gateway, topic, partition, delivered, code):
    """What stands before the refused batch comes in one Fetch; the next one gets the error and no byte."""
    with connect(gateway.bootstrap) as connection:
        offset = 0
        if delivered:
            first = fetch(connection, topic, partition)
            assert (first.error, first.offsets) == (NONE, delivered)
            offset = segment.batches(first.data)[-1].last_offset + 1
        after = fetch(connection, topic, partition, offset)
        assert (after.error, after.data) == (code, b"")


def check_read(gateway, endpoint, topic, partition, expected, verdict, offset, code=CORRUPT_MESSAGE, timestamps=True):
    """That a reader gets these records, and then for a bad verdict an error; the log has the batch's offset."""
    result = read(endpoint, topic, partition, len(expected) + (verdict is not None))
    assert contents(result.records, timestamps) == contents(expected, timestamps)
    assert result.codes == ({code} if verdict else set()), result.errors
    assert refused(gateway, topic, partition) == ([(verdict, offset)] if verdict else [])
    check_fetches(gateway, topic, partition, [r.offset for r in expected], code if verdict else NONE)


# The list of aborted transactions.


@dataclass(frozen=True, eq=False)
class Outcome:
    """A forgery of what became of a log's three transactions; the second is aborted, the others are committed.

    listed: from the entries of the file that lists aborted transactions to those written there instead.
    markers: transactions whose marker comes to say the contrary.
    stock: the transactions whose records a reader of committed data gets from stock Kafka.
    kept: those that it gets through a gateway; at: the offset refused, or None.
    """

    label: str
    listed: Callable = lambda entries: entries
    markers: tuple = ()
    stock: tuple = (0, 2)
    kept: tuple = ()
    at: Optional[int] = 0


@dataclass(frozen=True)
class Entry:
    """One transaction in a .txnindex file."""

    producer_id: int
    first: int
    last: int
    stable: int


_ENTRY = struct.Struct(">hqqqq")
IN_TRANSACTION = 3


def first_of(transaction):
    return transaction * (IN_TRANSACTION + 1)


def with_entry(transaction):
    """The edit that lists a committed transaction, in its place among the others."""
    def edit(entries):
        first = first_of(transaction)
        mine = Entry(entries[0].producer_id, first, first + IN_TRANSACTION, first + IN_TRANSACTION + 1)
        return sorted([*entries, mine], key=lambda entry: entry.first)
    return edit


OUTCOMES = [
    Outcome("as it was", kept=(0, 2), at=None),
    Outcome("entry removed", lambda entries: [], stock=(0, 1, 2), kept=(0,), at=4),
    Outcome("entry of another producer", lambda entries: [replace(entries[0], producer_id=10**9)], stock=(0, 1, 2),
            kept=(0,), at=4),
    Outcome("entry begins too late", lambda entries: [replace(entries[0], first=7)], stock=(0, 1, 2), kept=(0,), at=4),
    Outcome("entry of the last transaction added", with_entry(2), stock=(0,), kept=(0,), at=8),
    Outcome("entry of the first transaction added", with_entry(0), stock=(), kept=(), at=0),
    Outcome("abort marker made a commit marker", markers=(1,), stock=(0,), kept=(0,), at=4),
    Outcome("commit marker made an abort marker", markers=(0,), kept=(), at=0),
    Outcome("entry and marker, which agree", lambda entries: [], (1,), (0, 1, 2), (0, 1, 2), None),
]


class Transactions:
    """A topic with a partition for each forgery; all have the same three transactions."""

    def __init__(self, writing, count=len(OUTCOMES)):
        self.kafka = writing.kafka
        self.topic = writing.topic("transactions", count)
        # Markers have the time of today; beside records of years ago they would begin another segment.
        self.time = int(time.time() * 1000)
        partitions = range(count)
        transactions = [{"commit": t != 1, "records": [r for p in partitions for r in self.records(t, p)]}
                        for t in range(3)]
        job = writing.job(self.topic, transactional_id=exchange.group("forged"), one_batch=True,
                          transactions=transactions)
        clients.produce(READER, job).check()

    def records(self, transaction, partition):
        first = first_of(transaction)
        return [Record(b"k", b"%d of %d" % (i, transaction), (), self.time, partition, first + i)
                for i in range(IN_TRANSACTION)]

    def expected(self, partition, transactions):
        return [record for t in transactions for record in self.records(t, partition)]

    def edit(self):
        self.listed = [forge_outcome(self.kafka.segments(self.topic, partition)[-1], outcome)
                       for partition, outcome in enumerate(OUTCOMES)]


def forge_outcome(path, outcome):
    """Does it to the segment of such a log, while its broker is down; the entries that are listed then."""
    segment.rewrite(path, lambda found: [_turned(batch, outcome.markers) for batch in found])
    with open(path[:-len(".log")] + ".txnindex", "r+b") as file:
        entries = [Entry(*fields[1:]) for fields in _ENTRY.iter_unpack(file.read())]
        assert [(entry.first, entry.last) for entry in entries] == [(4, 7)]
        listed = outcome.listed(entries)
        file.seek(0)
        file.truncate()
        file.writelines(_ENTRY.pack(0, entry.producer_id, entry.first, entry.last, entry.stable) for entry in listed)
    return listed


def _turned(batch, transactions):
    """A marker's key is its version and what it says: 0 is abort, 1 is commit."""
    if not batch.control or batch.base_offset // (IN_TRANSACTION + 1) not in transactions:
        return batch
    abort, commit = b"\x08\0\0\0\0", b"\x08\0\0\0\1"
    return batch.replacing(abort, commit) if abort in batch.records else batch.replacing(commit, abort)
