# SPDX-License-Identifier: Apache-2.0
"""What must hold when traffic stands still: for readers, for gateways' logs, and for `signet verify`."""

import collections
import json
import time

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition
from gateway import signet
from processes import eventually
from traffic import COMMON, Transactional, sent_as

READ_SECONDS = 120
# Machines under load are slow; whether a gateway that is slow is called stale is another test's.
STALE_INTERVALS = 600
UNREACHED = (KafkaError._TRANSPORT, KafkaError._ALL_BROKERS_DOWN, KafkaError._TIMED_OUT)


def read_to_end(bootstrap, topic, partitions, isolation):
    """(partition → offset → (sender, number), partition → log start offset), as a consumer gets it from the start."""
    consumer = Consumer({**COMMON, "bootstrap.servers": bootstrap, "group.id": "check", "check.crcs": True, "fetch.wait.max.ms": 50,
                         "enable.auto.commit": False, "enable.partition.eof": True, "isolation.level": isolation,
                         "auto.offset.reset": "error"})
    try:
        starts = {p: eventually(lambda: _watermarks(consumer, topic, p), READ_SECONDS)[0] for p in range(partitions)}
        consumer.assign([TopicPartition(topic, p, start) for p, start in starts.items()])
        return _until_ends(consumer, topic, partitions), starts
    finally:
        consumer.close()


def _watermarks(consumer, topic, partition):
    """None while a new leader does not know them yet."""
    try:
        return consumer.get_watermark_offsets(TopicPartition(topic, partition), 10)
    except KafkaException as e:
        if e.args[0].code() not in (KafkaError.OFFSET_NOT_AVAILABLE, KafkaError.NOT_LEADER_FOR_PARTITION, *UNREACHED):
            raise
        return None


def _until_ends(consumer, topic, partitions):
    read, open_ends = {p: {} for p in range(partitions)}, set(range(partitions))
    deadline = time.monotonic() + READ_SECONDS
    while open_ends:
        assert time.monotonic() < deadline, (topic, "no end in sight", open_ends)
        for message in consumer.consume(500, 0.1):
            error = message.error()
            if error is None:
                known = sent_as(message.value())
                assert known, (topic, message.partition(), message.offset(), message.value()[:40])
                read[message.partition()][message.offset()] = known
            elif error.code() == KafkaError._PARTITION_EOF:
                open_ends.discard(message.partition())
            elif error.code() not in UNREACHED:
                raise KafkaException(error)
    return read


class Contents:
    """Of one topic as consumers get it: with isolation read_uncommitted (`all`) and read_committed."""

    def __init__(self, bootstrap, topic, partitions):
        self.topic = topic
        self.all, self.starts = read_to_end(bootstrap, topic, partitions, "read_uncommitted")
        self.committed, _ = read_to_end(bootstrap, topic, partitions, "read_committed")
        for partition, rows in self.committed.items():
            assert rows.items() <= self.all[partition].items(), (topic, partition)

    def check(self, senders):
        """That what these senders were told is so, and that nobody else's is there."""
        by_name = {sender.name: sender for sender in senders}
        for partition, rows in self.all.items():
            for offset, (name, number) in rows.items():
                sender = by_name[name]
                assert number < sender.sent and sender.partition(number) == partition, (self.topic, partition, offset, name, number)
        for sender in senders:
            if isinstance(sender, Transactional):
                self._check_transactions(sender)
            else:
                self._check_acknowledged(sender)
                assert self._places(self.committed, sender) == self._places(self.all, sender), sender.name

    def _places(self, read, sender):
        """number → its places, of one sender's."""
        found = collections.defaultdict(list)
        for partition, rows in read.items():
            for offset, (name, number) in rows.items():
                if name == sender.name:
                    found[number].append((partition, offset))
        return found

    def _check_acknowledged(self, sender):
        places = self._places(self.all, sender)
        for number, (partition, offset) in sender.acknowledged.items() if sender.durable else ():
            gone = self.starts[partition] > (offset if offset is not None else 0)
            assert gone or ((partition, offset) in places[number] if offset is not None else places[number]), (
                "%s: %d was acknowledged at %s-%d offset %s and is not there" % (sender.name, number, self.topic, partition, offset))
        if sender.exactly_once:
            self._check_once(sender, places)

    def _check_once(self, sender, places):
        doubled = {number: where for number, where in places.items() if len(where) > 1}
        assert not doubled, (sender.name, list(doubled.items())[:3])
        for partition, rows in self.all.items():
            numbers = [number for _, (name, number) in sorted(rows.items()) if name == sender.name]
            assert numbers == sorted(numbers), (sender.name, partition)

    def _check_transactions(self, sender):
        places = self._places(self.committed, sender)
        self._check_once(sender, places)
        gone = any(self.starts.values())
        for first, end, outcome in sender.transactions:
            found = [number for number in range(first, end) if number in places]
            whole = len(found) == end - first or (gone and outcome != "aborted")
            assert whole if outcome == "committed" else not found if outcome == "aborted" else whole or not found, (
                "%s: of %d to %d, %s, there are %s" % (sender.name, first, end - 1, outcome, found))


def check_gateways(gateways):
    for gateway in gateways:
        gateway.heed()
        assert not gateway.alarms, (gateway.writer, gateway.alarms[:5])


class Verified:
    """`signet verify` over one broker's folders, with these gateways' ledgers or without.

    bad: its findings about batches and about ledgers. lost: entries that acks=1 permits to be lost, by their words.
    """

    def __init__(self, gateways, folders, ledgers=True, options=()):
        of_ledgers = [word for gateway in gateways for word in ("--ledger", gateway.ledger_directory)]
        self.arguments = ["verify", "--config", gateways[0].config_path, *(of_ledgers if ledgers else ()),
                          *(("--stale-intervals", STALE_INTERVALS) if ledgers else ()), *options, "--json", *folders]
        done = signet(*self.arguments, check=False)
        assert "Sanitizer" not in done.stderr and done.stdout, done.stderr
        self.code, self.answer = done.returncode, json.loads(done.stdout)
        entries = self.answer.get("entries") or {"findings": [], "words": {}}
        self.words = {word: count for word, count in entries["words"].items() if count}
        self.lost = [finding for finding in entries["findings"] if finding["kind"] == "bad" and finding["acks-1-permits-it"]]

    def check(self, lossy=()):
        """That it is silent but for what acks=1 permits, in these topics only."""
        bad = [finding for finding in self.findings() if finding not in self.lost or finding["topic"] not in lossy]
        assert not bad, (" ".join(map(str, self.arguments)), bad[:5])
        assert self.code == (1 if self.lost else 0), (self.code, self.answer)
        return self

    def findings(self):
        parts = (self.answer, self.answer.get("entries") or {}, self.answer.get("ledger") or {})
        return [finding for part in parts for finding in part.get("findings", ()) if finding.get("kind") not in ("note", "accepted")]
