# SPDX-License-Identifier: Apache-2.0
"""Section 8 of spec/sealed-batch.md: which verdict each batch of a place gets, and what is delivered of it."""

import fnmatch
from dataclasses import dataclass, field

import kafka_batch as kafka
import sealed_batch as seal

OUTCOME_NONE, OUTCOME_IN_EFFECT, OUTCOME_NOT_IN_EFFECT = range(3)
ACCEPTED_AS_THEY_ARE = ("wrong offset", "removed", "out of order")
STREAM_MEMORY = 64
LOG_APPEND_BOUND_MS = 600_000
STUB_BYTES_MAX = 20
OUTER_MARGIN = 8192


@dataclass
class Writer:
    public: bytes
    topics: list
    not_before: int | None = None
    not_after: int | None = None
    revoked: bool = False
    last_good: int = -1  # in this place


@dataclass
class Context:
    cluster: bytes
    topic_id: bytes
    topic: bytes
    partition: int
    log_append_time: bool = False
    cut_over: int = 0
    writers: list = field(default_factory=list)
    exceptions: list = field(default_factory=list)  # (first, last), both inclusive
    recipients: list = field(default_factory=list)  # X25519 secret keys
    frame_bytes_max: int = 128 << 20


@dataclass
class Finding:
    verdict: str
    base: int | None = None
    last: int | None = None
    expected: int | None = None  # wrong offset: what should have stood here
    missed: int | None = None  # removed: the predecessor's offset
    accepted: bool = False
    opened: bytes | None = None


class Refused(Exception):
    def __init__(self, verdict, **named):
        super().__init__(verdict)
        self.verdict = verdict
        self.named = named


@dataclass
class Seen:
    """One batch of a Fetch response on its way through the rules."""

    raw: bytes
    batch: kafka.Batch | None = None
    envelope: seal.Envelope | None = None
    plain: bytes | None = None  # the decompressed outer records
    verdict: str | None = None  # the first of rules 1 to 7 that applies
    marker: str | None = None
    verified: bool = False


# Rules 1 to 7: what one batch is, without anything known beforehand but the cut-over.


def outer_bound(batch):
    return len(batch.records) + STUB_BYTES_MAX * (batch.record_count - 1) + OUTER_MARGIN


def classify(raw, magic, context):
    seen = Seen(raw)
    try:
        classify_or_raise(seen, magic, context)
    except kafka.Malformed:
        seen.verdict = "malformed"
    except seal.Unsupported:
        seen.verdict = "unsupported"
    except Refused as refused:
        seen.verdict = refused.verdict
    return seen


def classify_or_raise(seen, magic, context):
    if magic in (0, 1):
        raise Refused("unsealed")
    batch = seen.batch = kafka.read_batch(seen.raw)
    if not batch.crc_right:
        raise Refused("altered")
    if batch.attributes & kafka.CONTROL:
        seen.marker = read_marker(batch)
        raise Refused("control")
    if not 0 < batch.record_count <= seal.RECORDS_MAX:
        raise kafka.Malformed("number of records")
    value = first_value(seen, context)
    if value is None or value[:4] != seal.MAGIC:
        raise Refused("clear" if batch.last_offset < context.cut_over else "unsealed")
    seen.envelope = seal.read_envelope(value)


def first_value(seen, context):
    batch = seen.batch
    bound = min(outer_bound(batch), context.frame_bytes_max)
    try:
        seen.plain = kafka.decompress(batch.codec, batch.records, bound)
    except kafka.TooLarge:
        return None
    return kafka.read_record(kafka.Cursor(seen.plain)).value


def read_marker(batch):
    lawful = (
        batch.attributes & kafka.TRANSACTIONAL
        and batch.codec == kafka.NONE
        and batch.record_count == 1
        and batch.last_offset_delta == 0
        and batch.producer_id >= 0
    )
    if not lawful:
        raise kafka.Malformed("not a transaction marker")
    key = kafka.read_record(kafka.Cursor(batch.records)).key
    if key is None:
        raise kafka.Malformed("marker without a key")
    cursor = kafka.Cursor(key)
    version, kind = cursor.number("h"), cursor.number("h")
    if version < 0 or kind not in (0, 1):
        raise kafka.Malformed("marker of another kind")
    return "commit" if kind else "abort"


# Rules 8 to 12: who sealed it, for which place, and what has been changed outside.


def check_origin(seen, context, vouched):
    header, batch = seen.envelope.header, seen.batch
    writer = next((one for one in context.writers if one.public == header.writer), None)
    if writer is None:
        raise Refused("unknown writer")
    if not (seen.verified or vouched):
        raise Refused("altered")
    place = (header.cluster, header.topic_id, header.topic, header.partition)
    if place != (context.cluster, context.topic_id, context.topic, context.partition):
        raise Refused("wrong place")
    if not outer_allowed(seen, context):
        raise Refused("altered")
    if not trusted(writer, header, batch, context):
        raise Refused("writer not trusted")


def trusted(writer, header, batch, context):
    topic = context.topic.decode()
    return (
        any(fnmatch.fnmatchcase(topic, pattern) for pattern in writer.topics)
        and (writer.not_before is None or header.seal_time >= writer.not_before)
        and (writer.not_after is None or header.seal_time <= writer.not_after)
        and not (writer.revoked and batch.last_offset > writer.last_good)
    )


def outer_allowed(seen, context):
    batch, header = seen.batch, seen.envelope.header
    kept = kafka.CODEC_MASK | kafka.TRANSACTIONAL | kafka.LOG_APPEND_TIME
    same = (
        batch.last_offset_delta,
        batch.producer_id,
        batch.producer_epoch,
        batch.base_sequence,
        batch.record_count,
        batch.attributes & kafka.TRANSACTIONAL,
    ) == (
        header.last_offset_delta,
        header.producer_id,
        header.producer_epoch,
        header.base_sequence,
        header.record_count,
        header.attributes & kafka.TRANSACTIONAL,
    )
    return (
        same
        and not batch.attributes & ~kept
        and bool(batch.attributes & kafka.LOG_APPEND_TIME) == context.log_append_time
        and batch.base_timestamp in (header.base_timestamp, header.max_timestamp)
        and max_timestamp_allowed(batch, header, context)
        and outer_records_allowed(seen)
    )


def max_timestamp_allowed(batch, header, context):
    if not context.log_append_time:
        return batch.max_timestamp == header.max_timestamp
    return abs(batch.max_timestamp - header.seal_time) <= LOG_APPEND_BOUND_MS


def outer_records_allowed(seen):
    batch, maximum = seen.batch, seen.envelope.header.max_timestamp
    cursor = kafka.Cursor(seen.plain)
    try:
        for index in range(batch.record_count):
            record = kafka.read_record(cursor)
            shape = (record.attributes, record.headers, record.key, record.offset_delta)
            if shape != (0, (), None, index):
                return False
            if kafka.wrap64(batch.base_timestamp + record.timestamp_delta) != maximum:
                return False
            if index and record.value != b"":
                return False
    except kafka.Malformed:
        return False
    return cursor.left() == 0


# Rule 13: order in the place.


@dataclass
class Met:
    base: int
    last: int
    seal_id: bytes | None
    producer_hash: bytes


class StreamMemory:
    def __init__(self):
        self.highest = None  # (sequence, offset)
        self.met = {}  # sequence: offset

    def judge(self, sequence, offset, share_group):
        if self.highest is None:
            return None
        top, top_offset = self.highest
        known = self.met.get(sequence)
        if known == offset:
            return None
        if known is not None:
            return "replayed"
        if share_group and offset <= top_offset:
            return None
        if (sequence > top) == (offset > top_offset) and offset != top_offset:
            return None
        return "replayed" if sequence < top - STREAM_MEMORY else "out of order"

    def remember(self, sequence, offset):
        if self.highest is None or (sequence > self.highest[0] and offset > self.highest[1]):
            self.highest = (sequence, offset)
        self.met[sequence] = offset
        for old in [one for one in self.met if one < self.highest[0] - STREAM_MEMORY]:
            del self.met[old]


class Place:
    """What a reader remembers of one place."""

    def __init__(self):
        self.log = {}  # base offset: Met
        self.streams = {}

    def ends_at(self, offset):
        return any(met.last == offset for met in self.log.values())

    def remember(self, met):
        self.log = {base: old for base, old in self.log.items() if old.last < met.base or old.base > met.last}
        self.log[met.base] = met

    def removed(self, predecessor):
        """Whether the place holds proof against it."""
        for met in self.log.values():
            if not met.base <= predecessor.offset <= met.last:
                continue
            if met.base != predecessor.offset:
                return True
            if met.seal_id is not None and met.seal_id[:8] == predecessor.seal_prefix:
                return False
            same_producer = met.producer_hash == predecessor.producer_hash
            return not (same_producer and any(met.producer_hash))
        return False


# The reader of one place.


class Reader:
    def __init__(self, context):
        self.context = context
        self.place = Place()
        self.outcomes = {}
        self.next_offset = None

    def fetch(self, data, offset, share_group=False, aborted=None):
        """One Finding a batch. `aborted` is None unless the fetch is read_committed: then [(ProducerId, FirstOffset)]."""
        seen = [classify(raw, magic, self.context) for raw, magic in kafka.split(data)]
        vouched = vouch(seen)
        if offset != self.next_offset or aborted is None:
            self.outcomes = {}
        fetch = Fetch(self, offset, share_group, aborted)
        return [fetch.judge(one, index in vouched) for index, one in enumerate(seen)]


def vouch(seen):
    """Verifies each signature, and gives the indexes of those that a verified one further up its stream vouches for."""
    sealed = [(index, one) for index, one in enumerate(seen) if one.envelope is not None]
    sealed.sort(key=lambda pair: -pair[1].envelope.header.sequence)
    vouched, links = set(), {}
    for index, one in sealed:
        header = one.envelope.header
        one.verified = one.envelope.signed_by_writer()
        if links.get((header.writer, header.stream, header.sequence)) == one.envelope.link:
            vouched.add(index)
        if (one.verified or index in vouched) and header.sequence > 0:
            links[(header.writer, header.stream, header.sequence - 1)] = header.previous
    return vouched


class Fetch:
    def __init__(self, reader, offset, share_group, aborted):
        self.reader = reader
        self.context = reader.context
        self.place = reader.place
        self.offset = offset
        self.share_group = share_group
        self.waiting = None if aborted is None else sorted(aborted, key=lambda entry: entry[1])
        self.in_effect = set()
        self.expected = None  # after the first batch

    def judge(self, seen, vouched):
        finding = Finding("authentic")
        if seen.batch is not None:
            finding.base, finding.last = seen.batch.base_offset, seen.batch.last_offset
        accepted = self.touches_exception(finding)
        try:
            self.rules(seen, vouched, finding, accepted)
        except Refused as refused:
            finding.verdict = refused.verdict
            vars(finding).update(refused.named)
            if accepted:
                finding.accepted, finding.opened = True, empty_batch(seen.batch)
        self.go_on(seen)
        return finding

    def rules(self, seen, vouched, finding, accepted):
        if seen.verdict not in (None, "control", "clear"):
            raise Refused(seen.verdict)
        if seen.verdict is None:
            check_origin(seen, self.context, vouched)
        for rule in (self.continuity, self.predecessors, self.streams):
            try:
                rule(seen)
            except Refused as refused:
                if not accepted or refused.verdict not in ACCEPTED_AS_THEY_ARE:
                    raise
                if finding.verdict == "authentic":
                    finding.verdict, finding.accepted = refused.verdict, True
                    vars(finding).update(refused.named)
        self.outcome(seen)
        finding.opened = self.open(seen)
        if finding.verdict == "authentic" and seen.verdict is not None:
            finding.verdict = seen.verdict

    def open(self, seen):
        if seen.verdict is not None:
            return seen.raw
        try:
            records = seal.open_envelope(seen.envelope, self.context.recipients)
        except seal.KeyUnavailable:
            raise Refused("key unavailable") from None
        except seal.Unopenable:
            raise Refused("unopenable") from None
        return inner_batch(seen, records, self.context.log_append_time).write()

    def touches_exception(self, finding):
        if finding.base is None:
            return False
        return any(finding.base <= last and finding.last >= first for first, last in self.context.exceptions)

    def continuity(self, seen):
        if self.share_group:
            return
        base, last = seen.batch.base_offset, seen.batch.last_offset
        if self.expected is not None:
            if base != self.expected:
                raise Refused("wrong offset", expected=self.expected)
        elif not base <= self.offset <= last or base < self.offset and self.place.ends_at(self.offset - 1):
            raise Refused("wrong offset", expected=self.offset)

    def predecessors(self, seen):
        if seen.verdict is not None or self.share_group:
            return
        for one in seen.envelope.header.predecessors:
            if self.place.removed(one):
                raise Refused("removed", missed=one.offset)

    def streams(self, seen):
        if seen.verdict is not None:
            return
        header = seen.envelope.header
        memory = self.place.streams.setdefault((header.writer, header.stream), StreamMemory())
        verdict = memory.judge(header.sequence, seen.batch.base_offset, self.share_group)
        if verdict:
            raise Refused(verdict)
        memory.remember(header.sequence, seen.batch.base_offset)

    def outcome(self, seen):
        batch = seen.batch
        if self.waiting is None or not batch.attributes & kafka.TRANSACTIONAL:
            return
        while self.waiting and self.waiting[0][1] <= batch.last_offset:
            self.in_effect.add(self.waiting.pop(0)[0])
        producer, outcomes = batch.producer_id, self.reader.outcomes
        if seen.marker is None:
            in_effect = producer in self.in_effect
            outcomes.setdefault(producer, set()).add(OUTCOME_IN_EFFECT if in_effect else OUTCOME_NOT_IN_EFFECT)
            return
        met = outcomes.pop(producer, set())
        if seen.marker == "abort":
            self.in_effect.discard(producer)
        wrong = OUTCOME_IN_EFFECT if seen.marker == "commit" else OUTCOME_NOT_IN_EFFECT
        if wrong in met:
            raise Refused("outcome forged")

    def go_on(self, seen):
        """What follows is measured against what stood here, whatever its verdict."""
        batch = seen.batch
        if batch is None:
            return
        header = seen.envelope.header if seen.envelope else None
        seal_id = seen.envelope.seal_id if seen.envelope else None
        own_hash = header.own_producer_hash() if header else bytes(8)
        if not self.share_group:
            self.place.remember(Met(batch.base_offset, batch.last_offset, seal_id, own_hash))
        self.expected = batch.last_offset + 1
        self.reader.next_offset = self.expected


def inner_batch(seen, records, log_append_time):
    outer, header = seen.batch, seen.envelope.header
    return kafka.Batch(
        outer.base_offset,
        outer.leader_epoch,
        header.attributes | (kafka.LOG_APPEND_TIME if log_append_time else 0),
        header.last_offset_delta,
        header.base_timestamp,
        outer.max_timestamp if log_append_time else header.max_timestamp,
        header.producer_id,
        header.producer_epoch,
        header.base_sequence,
        header.record_count,
        records,
    )


def empty_batch(batch):
    return kafka.Batch(batch.base_offset, batch.leader_epoch, 0, batch.last_offset_delta, -1, -1, -1, -1, -1, 0, b"").write()
