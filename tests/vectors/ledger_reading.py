# SPDX-License-Identifier: Apache-2.0
"""Reading ledgers, and holding what is stored against them, a second time from spec/ledger.md: sections 6, 7.1 and 7.2.

Plain rather than fast, and it remembers everything.
"""

import fnmatch
import hashlib
from collections import defaultdict
from dataclasses import dataclass, field

import ledger

GOOD = {"authentic", "clear", "control"}
AHEAD_MS = 600_000
INTERVAL_MS = 10_000
NO_PRODUCER = bytes(8)


@dataclass
class Log:
    origin: bytes
    records: list = field(default_factory=list)  # Authentic, by number; no two alike.
    forked_from: int = None
    live: bool = False

    @property
    def writer(self):
        return self.records[0].checkpoint.writer

    @property
    def size(self):
        return max(record.checkpoint.size for record in self.records)

    @property
    def last(self):
        """Of those that are believed."""
        return self.believed()[-1]

    def believed(self):
        return [one for one in self.records if self.forked_from is None or one.number < self.forked_from]


def time_of(record):
    return record.leaves[-1]["time"]


def closes(record):
    return record.leaves[-1]["kind"] == "closing"


def origin_of(cluster_id, writer, instance):
    return b"signet.ledger/v1/%s/%s/%s" % (ledger.cluster_part(cluster_id), writer.hex().encode(), instance.encode())


class Reading:
    def __init__(self, cluster_id, given):
        self.cluster_id, self.given = cluster_id, given
        self.now = given["now"]
        self.writers = {bytes.fromhex(row["public_key"]): row for row in given["writers"]}
        self.words, self.told = [], []
        self.logs, self.revoked = {}, []  # Logs by origin; records of revoked writers.

    # Each record.

    def word_of(self, data):
        word, record = ledger.word_of(data, self.cluster_id, self.writers)
        if word != "authentic":
            return word, record
        row = self.writers[record.checkpoint.writer]
        early = time_of(record) < row.get("not_before", time_of(record))
        late = time_of(record) > row.get("not_after", time_of(record))
        return ("writer not trusted" if row.get("revoked") or early or late else word), record

    def take(self, data):
        word, record = self.word_of(data)
        self.words.append(word)
        if word == "authentic":
            log = self.logs.setdefault(record.checkpoint.origin, Log(record.checkpoint.origin))
            if record not in log.records:
                log.records.append(record)
        elif word == "writer not trusted" and self.writers[record.checkpoint.writer].get("revoked"):
            self.revoked.append(record)

    # One log.

    def tell(self, word, origin, first=None, last=None):
        told = {"word": word, "log": origin.decode()}
        self.told.append(told if first is None else told | {"first": first, "last": last})

    def is_kept(self, time):
        retention = self.given.get("ledger_retention")
        return retention is None or self.now - time <= retention

    def contradicts(self, before, record):
        """Does it contradict one that stands before it, by number or in the file?"""
        if record.number == before.number:
            return record.checkpoint.body != before.checkpoint.body
        if record.number == before.number + 1:
            tree = ledger.Tree(record.first, record.frontier)
            if (record.first, tree.root()) != (before.checkpoint.size, before.checkpoint.root):
                return True
        return closes(before) or record.first - before.checkpoint.size < record.number - before.number - 1

    def judge_order(self, log):
        log.records.sort(key=lambda record: record.number)
        first, highest = log.records[0], log.records[-1].number
        if first.number > 0:
            word = "ledger head gone" if self.is_kept(time_of(first)) else "ledger head expired"
            self.tell(word, log.origin, 0, first.number - 1)
        for at, record in enumerate(log.records):
            before = log.records[:at]
            if any(self.contradicts(one, record) for one in before):
                log.forked_from = record.number
                self.tell("forked ledger", log.origin, record.number, highest)
                return
            if before and record.number > before[-1].number + 1:
                self.tell("ledger gap", log.origin, before[-1].number + 1, record.number - 1)

    def judge_named(self, log, named):
        """By what openings and retirements say of it; is it retired?"""
        retired, by_records = False, log.forked_from is not None
        for one in named:
            if not one["retires"]:
                continue
            for record in log.records:
                if record.checkpoint.size == one["size"] and record.checkpoint.root.hex() != one["root"]:
                    self.tell("forked ledger", log.origin, record.number, record.number)
                    log.forked_from = min(record.number, record.number if log.forked_from is None else log.forked_from)
            if one["size"] < log.size:
                self.tell("retired alive", log.origin, log.records[-1].number, log.records[-1].number)
            retired = retired or one["size"] >= log.size
        if not by_records and any(one["size"] > log.size for one in named):
            self.tell("ledger gap", log.origin)
        return retired

    def judge_clock(self, log):
        believed = log.believed()
        back = [b for a, b in zip(believed, believed[1:]) if time_of(b) < time_of(a)]
        ahead = [one for one in believed if time_of(one) - self.now > AHEAD_MS]
        for word, found in (("clock stepped back", back), ("clock ahead", ahead)):
            if found:
                self.tell(word, log.origin, found[0].number, found[0].number)

    def judge_age(self, log):
        interval = log.records[0].leaves[0]["interval"] if log.records[0].number == 0 else INTERVAL_MS
        late = self.now - time_of(log.last) > self.given["stale_intervals"] * interval
        ended = self.now > self.writers[log.writer].get("not_after", self.now)
        if late and not ended:
            self.tell("stale ledger", log.origin, log.last.number, log.last.number)

    # Several.

    def names(self):
        """What believed openings and retirements name, by origin."""
        found = defaultdict(list)
        for log in self.logs.values():
            for record in log.records:
                for leaf in record.leaves:
                    if leaf["kind"] == "retirement":
                        one, writer = leaf, log.writer
                    elif leaf["kind"] == "opening" and "previous" in leaf:
                        one, writer = leaf["previous"], bytes.fromhex(leaf["previous"]["writer"])
                    else:
                        continue
                    found[origin_of(self.cluster_id, writer, one["instance"])].append(
                        {"size": one["size"], "root": one["root"], "time": leaf["time"], "retires": one is leaf})
        return found

    def judge(self):
        for log in self.logs.values():
            self.judge_order(log)
        named = self.names()
        for origin, log in self.logs.items():
            by_records = log.forked_from is not None
            retired = self.judge_named(log, named.get(origin, []))
            self.judge_clock(log)
            log.live = not closes(log.last) and not retired
            if log.live and not by_records:
                self.judge_age(log)
        known = set(self.logs) | {record.checkpoint.origin for record in self.revoked}
        for origin, ones in named.items():
            if origin not in known:
                time = max(ones, key=lambda one: one["size"])["time"]
                self.tell("ledger gap" if self.is_kept(time) else "ledger head expired", origin)


# Section 7.


@dataclass
class Entry:
    topic_id: str
    partition: int
    base: int
    last: int
    seal_id: str
    acks_all: bool
    producer: bytes
    time: int
    size: int
    word: str = None
    moved: tuple = None

    def same(self):
        return self.topic_id, self.partition, self.base, self.last, self.seal_id


def producer_hash(leaf):
    if leaf["producer_id"] < 0:
        return NO_PRODUCER
    fields = (leaf["producer_id"].to_bytes(8, "big") + leaf["producer_epoch"].to_bytes(2, "big", signed=True)
              + leaf["base_sequence"].to_bytes(4, "big", signed=True))  # fmt: skip
    return hashlib.sha256(b"signet/producer/v1\x00" + fields).digest()[:8]


class Holding:
    """The words of every entry and every stored batch."""

    def __init__(self, reading):
        self.reading, self.partitions = reading, reading.given["partitions"]
        self.entries, self.watermarks, self.deletions, self.names = {}, {}, [], defaultdict(set)
        for log in reading.logs.values():
            for record in log.believed():
                self.take(record, lambda entry: True)
        for record in reading.revoked:
            self.take(record, self.last_good(record.checkpoint.writer), batches_only=True)

    def last_good(self, writer):
        rows = self.reading.writers[writer].get("last_good", [])
        names = {(one["topic_id"], one["partition"]): one["topic"] for one in self.partitions}

        def believed(entry):
            place = entry.topic_id, entry.partition
            return any((row["topic_id"], row["partition"]) == place and row["topic"] == names.get(place)
                       and entry.last <= row["offset"] for row in rows)  # fmt: skip
        return believed

    def take(self, record, believed, batches_only=False):
        for leaf in record.leaves:
            if leaf["kind"] == "batch":
                entry = Entry(
                    leaf["topic_id"], leaf["partition"], leaf["base"], leaf["base"] + leaf["last_offset_delta"],
                    leaf["seal_id"], leaf["acks"] == -1, producer_hash(leaf),
                    leaf["timestamp"] if leaf["timestamp"] >= 0 else time_of(record), leaf["size"],
                )  # fmt: skip
                if believed(entry):
                    known = self.entries.setdefault(entry.same(), entry)
                    known.acks_all = known.acks_all or entry.acks_all
            elif leaf["kind"] == "records deleted" and not batches_only:
                place = leaf["topic_id"], leaf["partition"]
                names = {one["topic"] for one in self.partitions if (one["topic_id"], one["partition"]) == place}
                if self.may_write(record.checkpoint.writer, names):
                    self.watermarks[place] = max(leaf["low_watermark"], self.watermarks.get(place, 0))
            elif leaf["kind"] == "topic deleted" and not batches_only:
                self.deletions.append((leaf["topic_id"], record.checkpoint.writer))
            elif leaf["kind"] == "topic" and not batches_only:
                self.names[leaf["topic_id"]].add(leaf["name"])

    def may_write(self, writer, names):
        patterns = self.reading.writers[writer]["topics"]
        return bool(names) and all(any(fnmatch.fnmatchcase(name, one) for one in patterns) for name in names)

    def of(self, partition):
        return [entry for entry in self.entries.values()
                if (entry.topic_id, entry.partition) == (partition["topic_id"], partition["partition"])]  # fmt: skip

    def run(self):
        for partition in self.partitions:
            self.match(partition)
        for partition in self.partitions:
            for entry in self.of(partition):
                entry.word = entry.word or self.word_of(partition, entry)
        on_cluster = {partition["topic_id"] for partition in self.partitions}
        deleted = {topic for topic, writer in self.deletions if self.may_write(writer, self.names[topic])}
        for entry in self.entries.values():
            if entry.word is None and entry.topic_id in deleted - on_cluster:
                entry.word = "deleted"
        return [entry for entry in self.entries.values() if entry.word]

    def match(self, partition):
        for entry in self.of(partition):
            there = [one for one in partition["batches"] if (one["base"], one["last"]) == (entry.base, entry.last)]
            resolved = [one for one in there if one["verdict"] == "authentic"
                        and bytes.fromhex(one["producer_hash"]) == entry.producer != NO_PRODUCER]  # fmt: skip
            right = [one for one in there if one.get("seal_id") == entry.seal_id]
            entry.word = "right" if right else "resolved duplicate" if resolved else None
            for one in right[:1]:
                one["right"] = True
            for one in resolved if not right else []:
                one["resolved"] = True

    def is_expired(self, partition, entry):
        if entry.last >= partition["start"]:
            return False
        if "retention_ms" in partition and self.reading.now - entry.time > partition["retention_ms"]:
            return True
        sizes, counted = 0, None
        for one in sorted(self.of(partition), key=lambda one: (one.base, one.last), reverse=True):
            if one.base > entry.last and (counted is None or one.last < counted):
                sizes, counted = sizes + one.size, one.base
        return "retention_bytes" in partition and sizes >= partition["retention_bytes"]

    def find_moved(self, partition, entry):
        others = [one for one in self.partitions if one is not partition]
        for there in [partition, *others]:
            for batch in there["batches"]:
                elsewhere = there is not partition or batch["base"] != entry.base
                if batch.get("seal_id") == entry.seal_id and elsewhere:
                    return there["partition"], batch["base"]
        return None

    def word_of(self, partition, entry):
        def over(one):
            return one["base"] <= entry.last and one["last"] >= entry.base

        if entry.last < self.watermarks.get((entry.topic_id, entry.partition), 0):
            return "deleted"
        if self.is_expired(partition, entry):
            return "expired"
        entry.moved = self.find_moved(partition, entry)
        if entry.moved:
            return "moved"
        if any(over(one) for one in partition["batches"] if one.get("right") or one.get("resolved")):
            return "rolled back"
        if any(over(one) for one in partition["batches"] if one["verdict"] not in GOOD):
            return "altered"
        return "truncated" if entry.base >= partition["end"] else "missing"

    def word_of_stored(self, partition, batch):
        if batch.get("right") and batch["verdict"] in GOOD:
            return None
        if batch["verdict"] not in GOOD:
            return batch["verdict"]
        if "seal_id" in batch:
            lower = any(one.get("seal_id") == batch["seal_id"] and one["base"] < batch["base"]
                        for one in partition["batches"])  # fmt: skip
            elsewhere = any(one.seal_id == batch["seal_id"] and one.base != batch["base"] and one.word == "right"
                            for one in self.of(partition))  # fmt: skip
            if lower or elsewhere:
                return "extra"
        if batch["verdict"] in ("clear", "control") or batch.get("resolved"):
            return None
        live = [time_of(log.last) for log in self.reading.logs.values()
                if log.live and log.writer.hex() == batch["writer"]]  # fmt: skip
        return "not yet" if any(batch["seal_time"] > time for time in live) else "not covered"
