# SPDX-License-Identifier: Apache-2.0
"""The ledger that a gateway keeps in a directory, read by the second implementation (tests/vectors/ledger.py) and held
against what brokers stored."""

import base64
import collections
import json
import os
import subprocess

import exchange
import pytest
import segment
from between import Between
from clients import CLIENTS
from confluent_kafka import Producer, TopicPartition
from confluent_kafka.admin import AdminClient
from envelope import Envelope
from gateway import signet
from keeper import INTERVAL_MS, Keeper
from machine import lacks
from processes import eventually
from steady import Steady

NO_ROOM = 4
ACKS_ZERO = 1


def leaves(logs, kind):
    return [leaf for records in logs.values() for record in records for leaf in record.leaves if leaf["kind"] == kind]


def lost(logs):
    counts = collections.Counter()
    for leaf in leaves(logs, "interval") + leaves(logs, "closing"):
        counts.update(dict(map(tuple, leaf["lost"])))
    return counts


def stored(kafka, topic, partitions=1):
    return {(partition, batch.base_offset): batch
            for partition in range(partitions) for path in kafka.segments(topic, partition)
            for batch in segment.read(path) if not batch.control}


def topic_id(kafka, topic):
    """As leaves are shown with it."""
    return base64.urlsafe_b64decode(kafka.topic_id(topic) + "==").hex()


def entries(logs, kafka, topic):
    """The batch leaves of a topic by place; its name is told by a leaf before them."""
    names = {leaf["topic_id"]: leaf["name"] for leaf in leaves(logs, "topic")}
    found = collections.defaultdict(list)
    for leaf in leaves(logs, "batch"):
        if names[leaf["topic_id"]] == topic:
            found[leaf["partition"], leaf["base"]].append(leaf)
    return found


def check_entered(logs, kafka, topic, partitions=1, acks=None):
    """Every batch that is stored has its entry, and every entry its batch; how many."""
    batches, entered = stored(kafka, topic, partitions), entries(logs, kafka, topic)
    assert set(batches) == set(entered), (len(batches), len(entered))
    for place, batch in batches.items():
        envelope = Envelope(batch)
        for leaf in entered[place]:
            assert leaf["seal_id"] == envelope.seal_id().hex(), place
            assert leaf["last_offset_delta"] == batch.last_offset_delta
            assert (leaf["producer_id"], leaf["producer_epoch"], leaf["base_sequence"]) == (
                batch.producer_id, batch.producer_epoch, batch.base_sequence)
            assert leaf["transactional"] == batch.transactional
            assert leaf["size"] == len(batch) and leaf["timestamp"] == batch.max_timestamp
            assert acks is None or leaf["acks"] == acks
    return len(batches)


# What is entered.


@pytest.mark.parametrize("client", CLIENTS)
def test_every_batch_is_entered(tmp_path, kafka, client):
    with Keeper(tmp_path, kafka) as gateway:
        endpoint = gateway.endpoint()
        topic = endpoint.topic("entered", partitions=3)
        records = [record for p in range(3) for record in exchange.plain_records(40, partition=p)]
        exchange.send(endpoint, client, topic, records, batch_records=4)
    logs = gateway.logs()
    assert len(logs) == 1 and check_entered(logs, kafka, topic, 3) >= 3
    (records,) = logs.values()
    assert records[-1].leaves[-1]["kind"] == "closing" and not lost(logs)
    assert records[0].leaves[0]["interval"] == INTERVAL_MS and "previous" not in records[0].leaves[0]
    assert [leaf["name"] for leaf in leaves(logs, "topic")].count(topic) == 1


@pytest.mark.parametrize("acks", (1, "all"))
def test_acks_are_told(tmp_path, kafka, acks):
    with Keeper(tmp_path, kafka) as gateway:
        endpoint = gateway.endpoint()
        topic = endpoint.topic("acks")
        exchange.send(endpoint, "librdkafka", topic, exchange.plain_records(5), acks=acks, idempotent=False)
    assert check_entered(gateway.logs(), kafka, topic, acks=-1 if acks == "all" else 1)


def test_acks_zero_is_counted(tmp_path, kafka):
    with Keeper(tmp_path, kafka) as gateway:
        endpoint = gateway.endpoint()
        topic = endpoint.topic("acks-zero")
        exchange.send(endpoint, "librdkafka", topic, exchange.plain_records(5), acks=0, idempotent=False)
        exchange.receive(endpoint, "librdkafka", topic, 5)
    logs = gateway.logs()
    assert not leaves(logs, "batch") and lost(logs) == {ACKS_ZERO: len(stored(kafka, topic))}


def test_log_append_time(tmp_path, kafka):
    topics = [{"match": "*", "seal": True, "timestamp-type": "log-append-time"}]
    with Keeper(tmp_path, kafka, topics=topics) as gateway:
        endpoint = gateway.endpoint()
        topic = endpoint.topic("append-time", **{"message.timestamp.type": "LogAppendTime"})
        exchange.send(endpoint, "librdkafka", topic, exchange.plain_records(5))
    logs = gateway.logs()
    assert check_entered(logs, kafka, topic)
    assert all(leaf["timestamp"] > exchange.START + 10**9 for leaf in leaves(logs, "batch"))


def test_lost_acknowledgements(tmp_path, kafka):
    """A batch whose answer was lost is entered when its retry is answered, and is not counted as lost."""
    with Between(kafka) as between, Keeper(tmp_path, kafka, settings=between.settings()) as gateway:
        endpoint = gateway.endpoint()
        topic = endpoint.topic("lost")
        between.swallow_every = 5
        with Steady(endpoint, topic, pause=0.002):
            eventually(lambda: between.swallowed >= 4)
        between.swallow_every = 0
    logs = gateway.logs()
    assert check_entered(logs, kafka, topic) and not lost(logs)


@pytest.mark.parametrize("client", CLIENTS)
def test_ends_of_transactions(tmp_path, kafka, client):
    """What a coordinator acknowledged is entered behind the batches that it ends, and agrees with the markers."""
    with Keeper(tmp_path, kafka) as gateway:
        endpoint = gateway.endpoint()
        topic = endpoint.topic("ended")
        exchange.transact(endpoint, client, topic)
    logs = gateway.logs()
    markers = [batch for path in kafka.segments(topic, 0) for batch in segment.read(path) if batch.control]
    assert check_entered(logs, kafka, topic) and len(markers) == 3
    (records,) = logs.values()
    told = [leaf for record in records for leaf in record.leaves if leaf["kind"] in ("batch", "outcome")]
    outcomes = [leaf for leaf in told if leaf["kind"] == "outcome"]
    assert [leaf["commit"] for leaf in outcomes] == [True, False, True]
    for leaf, marker in zip(outcomes, markers):
        before = [one for one in told[:told.index(leaf)] if one["kind"] == "batch"][-1]
        assert before["transactional"] and before["base"] < marker.base_offset
        assert (leaf["producer_id"], leaf["producer_epoch"]) == (before["producer_id"], before["producer_epoch"])
        assert leaf["producer_id"] == marker.producer_id
        assert marker.producer_epoch - leaf["producer_epoch"] in (0, 1)
        assert leaf["transactional_id"].startswith("tx")


def test_deletions(tmp_path, kafka):
    """Of records and of topics, by whichever client; what the broker refused or nobody sealed is not entered."""
    topics = [{"match": "in-clear*", "seal": False}, {"match": "*", "seal": True}]
    with Keeper(tmp_path, kafka, topics=topics) as gateway:
        endpoint = gateway.endpoint()
        short, gone, clear = (endpoint.topic(name, partitions=2) for name in ("short", "gone", "in-clear"))
        for topic in (short, gone, clear):
            for record in exchange.plain_records(6):
                exchange.send(endpoint, "librdkafka", topic, [record])
        ids = {topic: topic_id(kafka, topic) for topic in (short, gone)}
        path = tmp_path / "offsets.json"
        path.write_text(json.dumps({"version": 1, "partitions": [
            {"topic": short, "partition": 0, "offset": 4}, {"topic": clear, "partition": 0, "offset": 4},
            {"topic": gone, "partition": 0, "offset": 7}]}))  # Which is out of range.
        kafka.admin("DeleteRecordsCommand", "--offset-json-file", path, bootstrap=gateway.bootstrap, check=False)
        admin = AdminClient({"bootstrap.servers": gateway.bootstrap})
        (shortened,) = admin.delete_records([TopicPartition(short, 0, 5)]).values()
        assert shortened.result(30).low_watermark == 5
        for topic in (gone, clear):  # By id, with this client.
            kafka.admin("TopicCommand", "--delete", "--topic", topic, bootstrap=gateway.bootstrap)
        again = endpoint.topic("gone-again")
        exchange.send(endpoint, "librdkafka", again, exchange.plain_records(2))
        ids[again] = topic_id(kafka, again)
        admin.delete_topics([again])[again].result(30)  # By name.
    logs = gateway.logs()
    told = [(leaf["topic_id"], leaf["partition"], leaf["low_watermark"]) for leaf in leaves(logs, "records deleted")]
    assert told == [(ids[short], 0, 4), (ids[short], 0, 5)]
    assert [leaf["topic_id"] for leaf in leaves(logs, "topic deleted")] == [ids[gone], ids[again]]
    named = {leaf["topic_id"] for leaf in leaves(logs, "topic")}
    assert named == set(ids.values()) and not lost(logs)


# Time.


def test_intervals_while_idle(tmp_path, kafka):
    with Keeper(tmp_path, kafka) as gateway:
        eventually(lambda: len(leaves(gateway.logs(), "interval")) >= 5)
    (records,) = gateway.logs().values()
    assert all(len(record.leaves) == 1 for record in records[1:])


def test_much_makes_records_before_their_time(tmp_path, kafka):
    """More leaves than one record has, within one interval."""
    with Keeper(tmp_path, kafka, {"interval": "1h"}) as gateway:
        topic = gateway.endpoint().topic("much")
        produce_singly(gateway, topic, 12_000).flush(60)
    logs = gateway.logs()
    (records,) = logs.values()
    assert check_entered(logs, kafka, topic) == 12_000 and len(records) >= 3


def produce_singly(gateway, topic, count, failed=None):
    """A batch for each record; not waited for."""
    producer = Producer({"bootstrap.servers": gateway.bootstrap, "batch.num.messages": 1, "linger.ms": 0,
                         "enable.idempotence": True, "log_level": 0, "message.timeout.ms": 120000})
    for number in range(count):
        producer.produce(topic, b"%d" % number, partition=0,
                         on_delivery=lambda error, _: error and failed is not None and failed.append(error))
    return producer


# Ends and beginnings.


def test_killed(tmp_path, kafka):
    """What was published stays; the next process retires the log, and the one after that does not again."""
    gateway = Keeper(tmp_path, kafka).start()
    endpoint = gateway.endpoint()
    topic = endpoint.topic("killed")
    exchange.send(endpoint, "librdkafka", topic, exchange.plain_records(5))
    eventually(lambda: leaves(gateway.logs(), "batch"))
    gateway.kill()
    ((killed, records),) = gateway.logs().items()
    checkpoint = records[-1].checkpoint
    with gateway:
        exchange.send(gateway.endpoint(), "librdkafka", topic, exchange.plain_records(5))
    logs = gateway.logs()
    assert len(logs) == 2 and check_entered(logs, kafka, topic)
    (second,) = set(logs) - {killed}
    state = {"instance": killed, "size": checkpoint.size, "root": checkpoint.root.hex()}
    assert logs[second][0].leaves[0]["previous"] == {"writer": checkpoint.writer.hex(), **state}
    (retired,) = leaves(logs, "retirement")
    assert {key: retired[key] for key in state} == state
    with gateway:
        pass
    assert len(gateway.logs()) == 3 and len(leaves(gateway.logs(), "retirement")) == 1


def test_a_living_log_is_left_alone(tmp_path, kafka):
    """Two gateways with one key and one directory: neither ends the other's log."""
    with Keeper(tmp_path / "one", kafka) as one:
        with Keeper(tmp_path / "two", kafka, {"directory": one.ledger_directory}, keys=one.keys):
            eventually(lambda: len(one.logs()) == 2)
        eventually(lambda: len(leaves(one.logs(), "interval")) > 6)
    assert not leaves(one.logs(), "retirement") and len(leaves(one.logs(), "closing")) == 2


def test_torn_end(tmp_path, kafka):
    """What a crash left of a record does not keep the next process from retiring what is before it."""
    gateway = Keeper(tmp_path, kafka).start()
    eventually(lambda: len(leaves(gateway.logs(), "interval")) >= 3)
    gateway.kill()
    ((killed, records),) = gateway.logs().items()
    (name,) = [name for name in os.listdir(gateway.ledger_directory) if name.endswith(".ledger")]
    path = os.path.join(gateway.ledger_directory, name)
    os.truncate(path, os.path.getsize(path) - 7)
    with gateway:
        pass
    os.rename(path, tmp_path / name)
    (retired,) = leaves(gateway.logs(), "retirement")
    assert (retired["instance"], retired["size"]) == (killed, records[-2].checkpoint.size)


def test_another_writer(tmp_path, kafka):
    """A reload with another key closes the log and begins one that names it."""
    trusted = {"gateway-a": ["*"], "gateway-b": ["*"]}
    with Keeper(tmp_path, kafka, trusted=trusted) as gateway:
        endpoint = gateway.endpoint()
        topic = endpoint.topic("rotated")
        exchange.send(endpoint, "librdkafka", topic, exchange.plain_records(5))
        gateway.reload()
        assert len(gateway.logs()) == 1
        gateway.writer = "gateway-b"
        gateway.write()
        gateway.reload()
        eventually(lambda: len(gateway.logs()) == 2)
        exchange.send(endpoint, "librdkafka", topic, exchange.plain_records(5))
    logs = gateway.logs()
    assert check_entered(logs, kafka, topic) >= 2 and len(leaves(logs, "closing")) == 2
    by_writer = {records[0].checkpoint.writer: records for records in logs.values()}
    first, second = by_writer[gateway.public_bytes("gateway-a")], by_writer[gateway.public_bytes("gateway-b")]
    assert second[0].leaves[0]["previous"]["size"] == first[-1].checkpoint.size
    assert second[0].leaves[0]["previous"]["root"] == first[-1].checkpoint.root.hex()


# A directory that cannot be written.


@pytest.mark.parametrize("where", ("absent", "a-file"))
def test_no_ledger_no_start(tmp_path, kafka, where):
    (tmp_path / "a-file").write_text("")
    gateway = Keeper(tmp_path, kafka, {"directory": str(tmp_path / where)})
    gateway.write()
    for command in ("check", "gateway"):
        done = signet(command, gateway.config_path, check=False)
        assert done.returncode == 1 and where in done.stdout + done.stderr and "ledger.directory" in done.stdout + done.stderr


class Failing(Keeper):
    """The second and the third sync of the thread that keeps the ledger fail; those before it has begun do not."""

    def __init__(self, directory, kafka, interval, **options):
        super().__init__(directory, kafka, {"interval": interval}, wrapper=(
            "env", "ASAN_OPTIONS=detect_leaks=0", "strace", "-D", "-f", "-qq", "-o", os.devnull, "-e", "trace=fdatasync", "-e",
            "inject=fdatasync:error=EIO:when=2..3"), **options)

    def files(self):
        return sum(name.endswith(".ledger") for name in os.listdir(self.ledger_directory))

    def goes_on(self):
        """Has failed, told so once, and enters again: what is in the topic."""
        eventually(lambda: self.events("ledger-written-again"))
        assert len(self.events("ledger-not-written")) == 1
        endpoint = self.endpoint()
        topic = endpoint.topic("sync")
        exchange.send(endpoint, "librdkafka", topic, exchange.plain_records(5))
        return topic


def test_failed_sync(tmp_path, kafka):
    """Nobody knows what is on disk then: the record is written again, to another file."""
    with Failing(tmp_path, kafka, "%dms" % INTERVAL_MS) as gateway:
        topic = gateway.goes_on()
    logs = gateway.logs()
    assert len(leaves(logs, "closing")) == 1 and check_entered(logs, kafka, topic)
    assert gateway.files() == 2


def test_failed_sync_of_a_first_record(tmp_path, kafka):
    """The other file has the same name then, for it begins with the same record."""
    trusted = {"gateway-a": ["*"], "gateway-b": ["*"]}
    with Failing(tmp_path, kafka, "1h", trusted=trusted) as gateway:
        gateway.writer = "gateway-b"
        gateway.write()
        gateway.reload()
        topic = gateway.goes_on()
    logs = gateway.logs()
    assert len(leaves(logs, "closing")) == 2 and check_entered(logs, kafka, topic)
    assert gateway.files() == 2


class Small:
    """A gateway whose ledger is in a file system of its own, of a few KiB until it is given more."""

    def __init__(self, directory, kafka, **ledger_settings):
        if os.system("unshare --mount sh -c 'mount -t tmpfs -o size=64k none %s' 2> /dev/null" % directory):
            lacks("file systems cannot be mounted here: it takes a mount namespace")
        os.makedirs(os.path.join(str(directory), "ledger"))
        self.gateway = Keeper(directory, kafka, {"buffer": "1MiB", **ledger_settings}, wrapper=(
            "unshare", "--mount", "sh", "-c", 'mount -t tmpfs -o size=64k none "$0" && exec "$@"',
            os.path.join(str(directory), "ledger")))
        self.inside = None

    def __enter__(self):
        self.gateway.start()
        # Its view of the directory, for as long as this stands open.
        self.inside = os.open("/proc/%d/root%s" % (self.gateway.child.pid, self.gateway.ledger_directory), os.O_RDONLY)
        return self

    def __exit__(self, kind, *_):
        self.gateway.stop(check=kind is None)
        os.close(self.inside)

    def grow(self):
        subprocess.run(["nsenter", "--mount", "--target", str(self.gateway.child.pid), "mount", "-o",
                        "remount,size=64m", self.gateway.ledger_directory], check=True)

    def logs(self):
        return self.gateway.logs("/proc/self/fd/%d" % self.inside)


def test_full_disk_refuses(tmp_path, kafka):
    """Producers are refused once the buffer is full, go on when there is room, and everything is entered."""
    with Small(tmp_path, kafka) as small:
        gateway, failed = small.gateway, []
        topic = gateway.endpoint().topic("full")
        producer = produce_singly(gateway, topic, 20_000, failed)
        eventually(lambda: [producer.poll(0), gateway.events("produce-refused")][1], 60)
        assert gateway.events("ledger-not-written")
        assert gateway.events("produce-refused")[0]["why"] == "the ledger is full"
        small.grow()
        assert producer.flush(90) == 0 and not failed
        eventually(lambda: gateway.events("ledger-written-again"))
        gateway.stop()
        logs = small.logs()
        assert check_entered(logs, kafka, topic) == 20_000 and not lost(logs)
        assert len(leaves(logs, "closing")) == 1


def test_full_disk_goes_on(tmp_path, kafka):
    """With when-full: continue nobody is refused, and what was not entered is counted."""
    with Small(tmp_path, kafka, **{"when-full": "continue"}) as small:
        gateway, failed = small.gateway, []
        topic = gateway.endpoint().topic("full")
        assert produce_singly(gateway, topic, 20_000, failed).flush(90) == 0 and not failed
        assert gateway.events("ledger-not-written") and not gateway.events("produce-refused")
        small.grow()
        eventually(lambda: gateway.events("ledger-written-again"))
        gateway.stop()
        logs = small.logs()
        entered = sum(map(len, entries(logs, kafka, topic).values()))
        assert lost(logs) == {NO_ROOM: 20_000 - entered} and 5_000 < entered < 20_000


def test_full_disk_at_the_end(tmp_path, kafka):
    """A process that ends tries for a while, says that its log stays open, and ends."""
    with Small(tmp_path, kafka) as small:
        gateway = small.gateway
        topic = gateway.endpoint().topic("end")
        produce_singly(gateway, topic, 3_000).flush(60)
        eventually(lambda: gateway.events("ledger-not-written"))
        gateway.stop()
        assert gateway.events("ledger-left-open") and not leaves(small.logs(), "closing")
