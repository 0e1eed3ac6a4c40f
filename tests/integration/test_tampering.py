# SPDX-License-Identifier: Apache-2.0
"""Attacks on sealed topics, on real brokers: a consumer gets what stood before, then an error, and the log says why.

Most attackers here write into a broker's files and leave everything there as Kafka wants it, CRCs included. Those logs
are written through the gateway, a partition for each attack, and all of them are edited while the broker is down once.
"""

import itertools
import struct
import time
from dataclasses import dataclass, field, replace
from typing import Callable, Optional

import clients
import exchange
import pytest
import segment
import zstandard
from clients import CLIENTS, Record, can
from envelope import Envelope, fetch
from exchange import Endpoint
from gateway import Gateway, connect

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

    def record(self, partition, index, offset=None):
        return Record(b"k%d" % index, b"record %d of %d" % (index, partition), (), exchange.START + index, partition,
                      offset)

    def batch(self, partition, index):
        return [self.record(partition, i) for i in range(index * self.records, (index + 1) * self.records)]


PLAIN = Kind("few-stubs")
ZSTD = Kind("many-stubs", records=40)
APPEND = Kind("append-time", settings={"message_timestamp_type": "LogAppendTime"})
LEADER_ONLY = Kind("leader-only", job={"acks": 1, "idempotent": False})
CONNECTIONS = Kind("connections", one_connection=False)
TO_ACCEPT = Kind("to-accept")


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


# Edits.


def changing(index, change):
    """The edit that makes another batch of one."""
    return lambda found, others: segment.replace(found, index, change(found[index]))


def flipping(part, mask=1, back=1, repair=True):
    return changing(1, lambda batch: batch.flipped(Envelope(batch).at(part, back), mask, repair))


def having(**fields):
    return changing(1, lambda batch: batch.having(**fields))


def adding(name, number):
    return changing(1, lambda batch: batch.having(**{name: getattr(batch, name) + number}))


def attributes(bits):
    return changing(1, lambda batch: batch.having(attributes=batch.attributes ^ bits))


def arranging(arrange, *arguments, **options):
    return lambda found, others: arrange(found, *arguments, **options)


def moving(index, offset):
    return lambda found, others: found[:index] + [found[index].at(offset)] + found[index + 1:]


def bringing(name):
    return lambda found, others: segment.replace(found, 1, others[name][1])


def forged():
    return segment.forge([(b"k", b"forged")] * 3)


def stubs(edit):
    """The edit of batch 1's records section, uncompressed; a zstd one is compressed again as a whole."""
    def change(batch):
        if batch.codec == "none":
            return batch.having_records(edit(batch.records))
        section = zstandard.ZstdDecompressor().decompressobj().decompress(batch.records)
        return batch.having_records(zstandard.ZstdCompressor().compress(edit(section)))
    return changing(1, change)


# A stub's last bytes: its offset delta (below 64), a null key, an empty value, no headers.
STUB_TAIL = b"\x01\x00\x00"


def without_last_stub(section):
    return section[:section.rindex(STUB_TAIL, 0, -1) + len(STUB_TAIL)]


def with_another_stub(section):
    return section + section[len(without_last_stub(section)):]


def with_a_keyed_stub(section):
    """The last stub has an empty key instead of none."""
    return section[:-3] + b"\x00\x00\x00"


def with_a_record_for_a_stub(section):
    """The last stub says something: the same length as a stub, but not as one."""
    return without_last_stub(section) + record(2, b"smuggled")


def record(delta, value):
    body = bytes([0, 0, delta * 2, 1, len(value) * 2]) + value + b"\0"
    return bytes([len(body) * 2]) + body


def with_fewer_records(batch):
    """A record less, and every count says so."""
    return batch.having_records(without_last_stub(batch.records)).having(
        record_count=batch.record_count - 1, last_offset_delta=batch.last_offset_delta - 1)


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
    Attack("stub altered under zstd", stubs(with_a_keyed_stub), "altered", ZSTD),
    Attack("stub removed under zstd", stubs(without_last_stub), "altered", ZSTD),
    Attack("stub added under zstd", stubs(with_another_stub), "altered", ZSTD),
    Attack("byte of the compressed stubs", changing(1, lambda batch: batch.flipped(len(batch) - 8)), "altered", ZSTD),
    Attack("ciphertext under zstd", flipping("ciphertext"), "altered", ZSTD),
    Attack("tag under zstd", flipping("tag"), "altered", ZSTD),
    Attack("signature under zstd", flipping("signature"), "altered", ZSTD),
    Attack("compressed anew, as brokers may", stubs(lambda section: section), None, ZSTD, (0, 1, 2, 3)),
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
    Attack("forged in place of one", lambda found, others: segment.replace(found, 1, forged()), "unsealed"),
    Attack("forged at the end", lambda found, others: segment.append(found, forged()), "unsealed", kept=(0, 1, 2, 3)),
    Attack("the tail cut", lambda found, others: found[:3], None, kept=(0, 1, 2)),
    Attack("one of several connections' removed", arranging(segment.remove, 1), "removed", CONNECTIONS),
    Attack("exchanged across connections", arranging(segment.exchange, 1, 2), "removed", CONNECTIONS),
    Attack("replayed across connections", arranging(segment.duplicate, 1), "replayed", CONNECTIONS, (0, 1, 2, 3)),
    Attack("exchanged, acks=1", arranging(segment.exchange, 1, 2), "out of order", LEADER_ONLY, (0, 2)),
    Attack("replayed, acks=1", arranging(segment.duplicate, 1), "replayed", LEADER_ONLY, (0, 1, 2, 3)),
    Attack("removed, a hole left, acks=1", arranging(segment.remove, 1, close=False), "wrong offset", LEADER_ONLY, at=6),
    Attack("removed, the hole closed, acks=1", arranging(segment.remove, 1), None, LEADER_ONLY, (0, 2, 3)),
]

MINUTE_MS = 60_000

TIME = [
    Attack("CreateTime claimed", attributes(segment.APPEND_TIME), "altered", APPEND),
    Attack("appended long after it was sealed", adding("max_timestamp", 11 * MINUTE_MS), "altered", APPEND),
    Attack("appended long before it was sealed", adding("max_timestamp", -11 * MINUTE_MS), "altered", APPEND),
    Attack("appended soon after", adding("max_timestamp", 9 * MINUTE_MS), None, APPEND, (0, 1, 2, 3)),
]

# Each with the first and the last offset that the trust file comes to accept.
ACCEPTED = {
    Attack("altered, to be accepted", flipping("ciphertext"), "altered", TO_ACCEPT): (3, 5),
    Attack("forged, to be accepted", lambda found, others: segment.replace(found, 1, forged()), "unsealed", TO_ACCEPT): (3, 5),
    Attack("a hole, to be accepted", arranging(segment.remove, 1, close=False), "wrong offset", TO_ACCEPT, at=6): (3, 5),
    Attack("removed, to be accepted", arranging(segment.remove, 1), "removed", TO_ACCEPT): (3, 8),
    Attack("replayed, to be accepted", arranging(segment.duplicate, 1, 2), "replayed", TO_ACCEPT, (0, 1)): (6, 8),
}

UNTOUCHED = Attack("untouched", lambda found, others: found, None, kept=(0, 1, 2, 3))

ATTACKS = [UNTOUCHED, *PARTS, *OUTER, *STUBS, *ORDER, *TIME, *ACCEPTED]


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
        if delivered:
            first = fetch(connection, topic, partition)
            assert (first.error, first.offsets) == (NONE, list(range(delivered)))
        after = fetch(connection, topic, partition, delivered)
        assert (after.error, after.data) == (code, b"")


def check_read(gateway, endpoint, topic, partition, expected, verdict, offset, code=CORRUPT_MESSAGE, timestamps=True):
    """That a reader gets these records, and then for a bad verdict an error; the log has the batch's offset."""
    result = read(endpoint, topic, partition, len(expected) + (verdict is not None))
    assert contents(result.records, timestamps) == contents(expected, timestamps)
    assert result.codes == ({code} if verdict else set()), result.errors
    assert refused(gateway, topic, partition) == ([(verdict, offset)] if verdict else [])
    check_fetches(gateway, topic, partition, len(expected), code if verdict else NONE)


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
    Outcome("entry of the first transaction added", with_entry(0), stock=(2,), kept=(), at=0),
    Outcome("abort marker made a commit marker", markers=(1,), stock=(0,), kept=(0,), at=4),
    Outcome("commit marker made an abort marker", markers=(0,), kept=(), at=0),
    Outcome("entry and marker, which agree", lambda entries: [], (1,), (0, 1, 2), (0, 1, 2), None),
]


class Transactions:
    """A topic with a partition for each forgery; all have the same three transactions."""

    def __init__(self, writing):
        self.kafka = writing.kafka
        self.topic = writing.topic("transactions", len(OUTCOMES))
        partitions = range(len(OUTCOMES))
        transactions = [{"commit": t != 1, "records": [r for p in partitions for r in self.records(t, p)]}
                        for t in range(3)]
        job = writing.job(self.topic, transactional_id=exchange.group("forged"), one_batch=True,
                          transactions=transactions)
        clients.produce(READER, job).check()

    @staticmethod
    def records(transaction, partition):
        first = first_of(transaction)
        return [Record(b"k", b"%d of %d" % (i, transaction), (), exchange.START, partition, first + i)
                for i in range(IN_TRANSACTION)]

    def expected(self, partition, transactions):
        return [record for t in transactions for record in self.records(t, partition)]

    def edit(self):
        for partition, outcome in enumerate(OUTCOMES):
            path = self.kafka.segments(self.topic, partition)[-1]
            segment.rewrite(path, lambda found: [self._turn(b, outcome.markers) for b in found])
            with open(path[:-len(".log")] + ".txnindex", "r+b") as file:
                entries = [Entry(*fields[1:]) for fields in _ENTRY.iter_unpack(file.read())]
                assert [(entry.first, entry.last) for entry in entries] == [(4, 7)]
                file.seek(0)
                file.truncate()
                for entry in outcome.listed(entries):
                    file.write(_ENTRY.pack(0, entry.producer_id, entry.first, entry.last, entry.stable))

    @staticmethod
    def _turn(batch, transactions):
        """A marker's key is its version and what it says: 0 is abort, 1 is commit."""
        if not batch.control or batch.base_offset // (IN_TRANSACTION + 1) not in transactions:
            return batch
        abort, commit = b"\x08\0\0\0\0", b"\x08\0\0\0\1"
        return batch.replacing(abort, commit) if abort in batch.records else batch.replacing(commit, abort)


# Fixtures: one cluster, one gateway that seals and opens, and one broker's stop in which all the files are edited.


@pytest.fixture(scope="module")
def gateway(tmp_path_factory, kafka):
    """Where everybody reads."""
    with Gateway(tmp_path_factory.mktemp("gateway"), kafka, topics=POLICY) as running:
        yield running


@pytest.fixture(scope="module")
def sealed(gateway, kafka):
    return Endpoint(gateway.bootstrap, kafka)


@pytest.fixture(scope="module")
def writing(tmp_path_factory, kafka, gateway, authority):
    """Another gateway of the same writer, which states in the envelope who its client is."""
    server, alice = authority.issue("gateway"), authority.issue("alice", hosts=())
    listener = {
        "clients-known-by": "client-certificate",
        "tls": {"certificate": server.certificate, "key": server.key, "client-ca": authority.ca},
    }
    client = {"security": "ssl", "ca": authority.ca, "certificate": alice.certificate, "key": alice.key}
    with Gateway(tmp_path_factory.mktemp("writing"), kafka, listener=listener, topics=POLICY, keys=gateway.keys,
                 settings={"principal-in-envelope": True}) as running:
        yield Endpoint(running.bootstrap, kafka, client)


@pytest.fixture(scope="module")
def logs(writing, kafka):
    made = Logs(writing)
    made.make()
    made.transactions = Transactions(writing)
    kafka.stop_node()
    made.edit()
    made.transactions.edit()
    kafka.start_node()
    with connect(kafka.address()) as connection:
        for topic, partition in made.partitions():
            led = time.monotonic() + LEADER_SECONDS_MAX
            while fetch(connection, topic, partition).error == NOT_LEADER:
                assert time.monotonic() < led
                time.sleep(0.02)
    return made


@pytest.mark.parametrize("attack", ATTACKS, ids=label)
def test_edited(logs, gateway, sealed, direct, attack):
    topic, partition = logs.place(attack)
    with connect(direct.bootstrap) as connection:
        served = fetch(connection, topic, partition)
        assert served.error == NONE and served.data == b"".join(batch.data for batch in logs.stored[attack])
    kept = placed(record for index in attack.kept for record in attack.kind.batch(partition, index))
    check_read(gateway, sealed, topic, partition, kept, attack.verdict, attack.offset,
               timestamps=attack.kind is not APPEND)


@pytest.mark.parametrize("outcome", OUTCOMES, ids=label)
def test_outcome(logs, gateway, sealed, direct, outcome):
    """Readers of committed data rely on the broker's list of what was aborted; markers are held against it."""
    made, partition = logs.transactions, OUTCOMES.index(outcome)
    committed = {"isolation": "read_committed"}
    count = len(outcome.stock) * IN_TRANSACTION
    stock = read(direct, made.topic, partition, count, **committed)
    assert [r.offset for r in stock.records] == [r.offset for r in made.expected(partition, outcome.stock)]
    expected = made.expected(partition, outcome.kept)
    with connect(direct.bootstrap) as c:
        d = fetch(c, made.topic, partition, committed=True)
        print("DIRECT", d.error, d.aborted, [(b.base_offset, b.control, b.records) for b in segment.batches(d.data) if b.control])
    with connect(gateway.bootstrap) as c:
        d = fetch(c, made.topic, partition, committed=True)
        print("GW", d.error, d.aborted, [(b.base_offset, b.control) for b in segment.batches(d.data)])
    print(refused(gateway, made.topic, partition))
    result = read(sealed, made.topic, partition, len(expected) + (outcome.at is not None), **committed)
    assert contents(result.records) == contents(expected)
    assert result.codes == (set() if outcome.at is None else {CORRUPT_MESSAGE}), result.errors
    assert refused(gateway, made.topic, partition) == ([] if outcome.at is None else [("outcome forged", outcome.at)])


def test_outcome_of_uncommitted_reads(logs, gateway, sealed):
    """Who reads everything is not given the list, and cannot be misled by it."""
    made, partition = logs.transactions, len(OUTCOMES) - 1
    result = read(sealed, made.topic, partition, 3 * IN_TRANSACTION)
    assert contents(result.records) == contents(made.expected(partition, (0, 1, 2)))
