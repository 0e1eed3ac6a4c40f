# SPDX-License-Identifier: Apache-2.0
"""What clients do with Kafka, as test bodies over an Endpoint: straight at the brokers, or at something in front of them.

Each function makes a topic of its own, uses it through the endpoint, and asserts what stock Kafka would give.
"""

import itertools
import os
from dataclasses import dataclass, field

import clients
import segment
from clients import Record, can

START = 1_700_000_000_000

_numbers = itertools.count(1)


@dataclass
class Endpoint:
    """Where clients connect, and as whom. The cluster behind is for administration only.

    topic_settings: what every topic of these tests is made with.
    by_batch: whether a lookup by time finds the first record of the batch, as it does in a sealed topic.
    """

    bootstrap: str
    kafka: object
    client: dict = field(default_factory=lambda: {"security": "plaintext"})
    topic_settings: dict = field(default_factory=dict)
    by_batch: bool = False

    def topic(self, name, partitions=1, **settings):
        unique = "%s-%d-%d" % (name, os.getpid(), next(_numbers))
        return self.kafka.topic(unique, partitions, **{**self.topic_settings, **settings})

    def job(self, topic, **fields):
        return {"bootstrap": self.bootstrap, "client": self.client, "topic": topic, **fields}

    def as_user(self, **client):
        """The same endpoint for somebody else."""
        return Endpoint(self.bootstrap, self.kafka, {**self.client, **client}, self.topic_settings, self.by_batch)


def group(name="group"):
    """A group or transactional id that nobody else uses."""
    return "%s-%d-%d" % (name, os.getpid(), next(_numbers))


def odd_records(client):
    """Records with every shape of key, value and headers that this client can send."""
    records = [
        Record(b"key", b"value", (("name", b"text"),), START),
        Record(b"", b"", (), START + 1),
        Record(None, b"without a key", (), START + 2),
        Record(b"without a value", None, (), START + 3),
        Record(b"headers", b"v", (("twice", b"1"), ("twice", b"2"), ("empty", b"")), START + 4),
        Record(bytes(range(256)), bytes(range(255, -1, -1)), (("n\u00e4me", bytes(range(256))),), START + 5),
        Record(b"large", b"ab" * 50_000, (), START + 6),
    ]
    if can(client, "send null headers"):
        records.append(Record(b"null header", b"v", (("null", None), ("empty", b"")), START + 7))
    if can(client, "send null key and value"):
        records.append(Record(None, None, (), START + 8))
    return records


def plain_records(count, label="record", partition=0):
    return [Record(b"k%d" % i, b"%s %d" % (label.encode(), i), (), START + i, partition) for i in range(count)]


def in_partition(records, partition):
    return [Record(r.key, r.value, r.headers, r.timestamp, partition) for r in records]


def send(endpoint, client, topic, records, **fields):
    """Produces, and asserts that every record was taken."""
    result = clients.produce(client, endpoint.job(topic, records=records, **fields)).check()
    assert len(result.sent) == len(records)
    return result


def receive(endpoint, client, topic, count, **fields):
    """Consumes from the start, and asserts that so many records came."""
    result = clients.consume(client, endpoint.job(topic, count=count, **fields)).check()
    assert len(result.records) == count, (client, len(result.records))
    return result


def contents(result):
    return [record.content() for record in result.in_order()]


def check_same(sent, result):
    """That one partition's records came as they were sent: content, order and timestamps."""
    assert contents(result) == sent, result.client


def all_receive(endpoint, consumers, topic, count, **fields):
    """Every one of the clients reads the topic at the same time; their results."""
    return clients.together(*[lambda c=c: receive(endpoint, c, topic, count, **fields) for c in consumers])


# The bodies.


def round_trip(endpoint, producer, codec, consumers):
    """What one client sends under one codec, every client reads, byte for byte."""
    topic = endpoint.topic("round-trip")
    sent = in_partition(odd_records(producer), 0)
    made = send(endpoint, producer, topic, sent, compression=codec)
    assert made.sent == [(0, offset) for offset in range(len(sent))]
    for result in all_receive(endpoint, consumers, topic, len(sent)):
        check_same(sent, result)
        types = {record.timestamp_type for record in result.records}
        assert types == {"create"} or not can(result.client, "tell timestamp types")


def without_timestamps(endpoint, client):
    """Keys choose partitions, and the clock the timestamps, where the sender leaves them open."""
    topic = endpoint.topic("open", partitions=3)
    sent = [Record(b"k%d" % i, b"v%d" % i) for i in range(30)]
    made = send(endpoint, client, topic, sent)
    result = receive(endpoint, client, topic, len(sent))
    found = {record.key: record for record in result.records}
    assert {r.key: r.value for r in sent} == {key: record.value for key, record in found.items()}
    assert [found[r.key].place() for r in sent] == made.sent
    assert all(record.timestamp > START for record in result.records)
    assert len({record.partition for record in result.records}) > 1


def large_batches(endpoint, client, codec="none", count=5000):
    """Many records, in as few batches as the client makes."""
    topic = endpoint.topic("large")
    sent = plain_records(count)
    send(endpoint, client, topic, sent, one_batch=True, compression=codec)
    check_same(sent, receive(endpoint, client, topic, count))
    return topic


def many_batches(endpoint, client, batches=20, records=5):
    """Batches one after another; reading may start at any record of any of them."""
    topic = endpoint.topic("many")
    sent = plain_records(batches * records)
    send(endpoint, client, topic, sent, batch_records=records)
    for at in (0, records * 3, records * 3 + 2, len(sent) - 1):
        check_same(sent[at:], receive(endpoint, client, topic, len(sent) - at, start={"0": at}))
    return topic


def acknowledgements(endpoint, client):
    """acks=0, 1 and all, with and without idempotence."""
    topic = endpoint.topic("acks")
    sent = []
    for acks, idempotent in ((0, None), (1, None), ("all", False), ("all", True)):
        more = plain_records(3, "acks %s %s" % (acks, idempotent))
        send(endpoint, client, topic, more, acks=acks, idempotent=idempotent)
        sent += more
        # Without an acknowledgement only reading tells that the records have arrived.
        receive(endpoint, client, topic, len(sent))
    check_same(sent, receive(endpoint, client, topic, len(sent)))


def batch_begin(endpoint, topic, partition, offset):
    """The first offset of the batch that a record is in."""
    path = endpoint.kafka.segments(topic, partition)[-1]
    return max(batch.base_offset for batch in segment.read(path) if batch.base_offset <= offset)


def starts(endpoint, client):
    """Reading from a time, from an offset, and from the end while more arrives."""
    topic = endpoint.topic("starts", partitions=2)
    first = plain_records(10, "first", 0) + plain_records(10, "first", 1)
    send(endpoint, client, topic, first, batch_records=3)
    begins = [batch_begin(endpoint, topic, partition, 5) for partition in (0, 1)] if endpoint.by_batch else [5, 5]
    by_time = receive(endpoint, client, topic, sum(10 - begin for begin in begins), start=START + 5)
    assert {r.offset for r in by_time.records if r.timestamp >= START + 5} == set(range(5, 10))
    by_offset = receive(endpoint, client, topic, 3, start={"1": 7})
    assert [r.place() for r in by_offset.in_order()] == [(1, 7), (1, 8), (1, 9)]
    running = clients.start(client, "consume", endpoint.job(topic, count=4, start="latest")).wait_ready()
    later = plain_records(4, "later", 1)
    send(endpoint, client, topic, later)
    check_same(later, running.result().check())


def groups(endpoint, client, protocol="classic"):
    """A group goes on where it committed."""
    topic, name = endpoint.topic("groups", partitions=2), group()
    first = plain_records(6, "first", 0) + plain_records(6, "first", 1)
    send(endpoint, client, topic, first)
    check_same(first, receive(endpoint, client, topic, 12, group=name, group_protocol=protocol))
    later = plain_records(4, "later", 0) + plain_records(4, "later", 1)
    send(endpoint, client, topic, later)
    check_same(later, receive(endpoint, client, topic, 8, group=name, group_protocol=protocol))


def share_groups(endpoint, client):
    """Members of a share group get every record between them, and none twice once it is acknowledged."""
    topic, name = endpoint.topic("shared", partitions=2), group("share")
    endpoint.kafka.configure("group", name, share_auto_offset_reset="earliest")
    first = plain_records(20, "first", 0) + plain_records(20, "first", 1)
    send(endpoint, client, topic, first, batch_records=4)
    check_same(first, receive(endpoint, client, topic, 40, group=name, share=True))
    later = plain_records(5, "later", 1)
    send(endpoint, client, topic, later)
    check_same(later, receive(endpoint, client, topic, 5, group=name, share=True))


def transact(endpoint, client, topic, codec="none"):
    """Three transactions of four records each, the second of which is aborted; what the client was told, and the records."""
    ended = [(True, plain_records(4, "kept")), (False, plain_records(4, "dropped")), (True, plain_records(4, "kept too"))]
    job = endpoint.job(topic, transactional_id=group("tx"), compression=codec,
                       transactions=[{"commit": commit, "records": records} for commit, records in ended])
    return clients.produce(client, job).check(), [records for _, records in ended]


def transactions(endpoint, client, consumers, codec="none"):
    """Readers of committed data see the committed transactions alone; others see everything."""
    topic = endpoint.topic("transactions")
    made, (one, two, three) = transact(endpoint, client, topic, codec)
    # Each transaction is followed by its marker, which takes an offset.
    assert made.sent == [(0, offset) for offset in (0, 1, 2, 3, 5, 6, 7, 8, 10, 11, 12, 13)]
    for result in all_receive(endpoint, consumers, topic, 8, isolation="read_committed"):
        check_same(one + three, result)
    for result in all_receive(endpoint, consumers, topic, 12, isolation="read_uncommitted"):
        check_same(one + two + three, result)
    return topic


def denied(endpoint, client, topic):
    """Somebody whom the ACLs give nothing is told so, as a producer and as a consumer."""
    produced = clients.produce(client, endpoint.job(topic, records=plain_records(2), timeout_ms=6000))
    assert not produced.ok and 29 in produced.codes, produced.errors
    consumed = clients.consume(client, endpoint.job(topic, count=1, timeout_ms=6000))
    assert not consumed.ok and not consumed.records, consumed
    return consumed


def log_append_time(endpoint, client):
    """The broker's clock replaces the sender's where the topic says so."""
    topic = endpoint.topic("append-time", message_timestamp_type="LogAppendTime")
    sent = plain_records(5)
    send(endpoint, client, topic, sent)
    result = receive(endpoint, client, topic, len(sent))
    assert [r.value for r in result.in_order()] == [r.value for r in sent]
    assert all(r.timestamp > START + 1_000_000 for r in result.records)
    if can(client, "tell timestamp types"):
        assert {r.timestamp_type for r in result.records} == {"append"}


def compacted(endpoint, client):
    """A compacted topic takes keyed records and tombstones."""
    topic = endpoint.topic("compacted", cleanup_policy="compact")
    sent = [Record(b"k%d" % (i % 3), b"v%d" % i if i % 4 else None, (), START + i, 0) for i in range(12)]
    send(endpoint, client, topic, sent)
    check_same(sent, receive(endpoint, client, topic, len(sent)))
    return topic
