# SPDX-License-Identifier: Apache-2.0
"""Section 8 of spec/sealed-batch.md: which verdict each batch of a place gets, and what is delivered of it."""

import fnmatch
from dataclasses import dataclass, field

import kafka_batch as kafka
import sealed_batch as seal

GOOD = ("authentic", "clear", "control")
POSITIONAL = ("wrong offset", "removed", "out of order")
BATCHES_REMEMBERED = 64
SEQUENCES_REMEMBERED = 64
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
    rows_topic: bytes | None = None  # the name that cut-over, last good offsets and exceptions are for; the place's

    def here(self, row, otherwise):
        """What a row says of this topic id and partition, if it is about this name too."""
        return row if self.rows_topic in (None, self.topic) else otherwise


@dataclass
class Finding:
    verdict: str
    base: int | None = None
    last: int | None = None
    expected: int | None = None  # wrong offset: what should have stood here
    missed: int | None = None  # removed: the predecessor's offset
    accepted: bool = False
    opened: bytes | None = None

    @property
    def refused(self):
        return self.verdict not in GOOD and not self.accepted

    @property
    def delivered(self):
        """But for the key: the verdict is good, or bad only for where the batch stands and accepted."""
        return self.verdict in GOOD or self.verdict in POSITIONAL and self.accepted


class Refused(Exception):
    """What a rule says against a batch, the offsets that this is about, and what the finding names."""

    def __init__(self, verdict, about=None, **named):
        super().__init__(verdict)
        self.verdict = verdict
        self.about = about
        self.named = named


@dataclass
class Seen:
    """One batch of a Fetch response on its way through the rules."""

    raw: bytes
    base: int
    last: int
    batch: kafka.Batch | None = None
    envelope: seal.Envelope | None = None
    plain: bytes | None = None  # the decompressed outer records
    verdict: str | None = None  # the first of rules 1 to 7 that applies
    marker: str | None = None
    verified: bool = False

    @property
    def whole(self):
        return (self.base, self.last)


# Rules 1 to 7: what one batch is, without anything known beforehand but the cut-over.


def outer_bound(batch):
    return len(batch.records) + STUB_BYTES_MAX * (batch.record_count - 1) + OUTER_MARGIN


def classify(raw, magic, context):
    base = int.from_bytes(raw[:8], "big", signed=True)
    seen = Seen(raw, base, base)
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
    seen.last = kafka.wrap64(batch.last_offset)
    if not batch.crc_right:
        raise Refused("altered", seen.whole)
    if batch.attributes & kafka.CONTROL:
        seen.marker = read_marker(batch)
        raise Refused("control")
    if not 0 < batch.record_count <= seal.RECORDS_MAX:
        raise kafka.Malformed("number of records")
    value = first_value(seen, context)
    if value is None or value[:4] != seal.MAGIC:
        raise Refused("clear" if seen.last < context.here(context.cut_over, 0) else "unsealed")
    seen.envelope = seal.read_envelope(value)


def first_value(seen, context):
    batch = seen.batch
    try:
        seen.plain = kafka.decompress(batch.codec, batch.records, outer_bound(batch))
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
    records = kafka.Cursor(batch.records)
    key = kafka.read_record(records).key
    if key is None or records.left():
        raise kafka.Malformed("marker without a key, or more than one record")
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
        raise Refused("unknown writer", seen.whole)
    if not (seen.verified or vouched):
        raise Refused("altered", seen.whole)
    place = (header.cluster, header.topic_id, header.topic, header.partition)
    if place != (context.cluster, context.topic_id, context.topic, context.partition):
        raise Refused("wrong place", seen.whole)
    if not outer_allowed(seen, context):
        raise Refused("altered", seen.whole)
    if not trusted(writer, header, seen.last, context):
        raise Refused("writer not trusted", seen.whole)


def trusted(writer, header, last, context):
    topic = context.topic.decode()
    return (
        any(fnmatch.fnmatchcase(topic, pattern) for pattern in writer.topics)
        and (writer.not_before is None or header.seal_time >= writer.not_before)
        and (writer.not_after is None or header.seal_time <= writer.not_after)
        and not (writer.revoked and last > context.here(writer.last_good, -1))
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
    delta = kafka.wrap64(seen.envelope.header.max_timestamp - seen.batch.base_timestamp)
    envelope = seen.envelope.header_bytes + seen.envelope.sealed + seen.envelope.signature
    return seen.plain == b"".join(seal.outer_records(envelope, seen.batch.record_count, delta))


# Rule 13: order in the place.


UNKNOWN = "unknown"  # in place of a seal id: the batch was replaced, and nothing is claimed of what stands there


@dataclass
class Met:
    base: int
    last: int
    seal_id: bytes | str | None
    producer_hash: bytes


class StreamMemory:
    def __init__(self):
        self.highest = None  # (sequence, offset)
        self.met = set()

    def judge(self, sequence, offset):
        if self.highest is None or (sequence, offset) == self.highest:
            return None
        top, top_offset = self.highest
        if sequence > top and offset > top_offset or sequence < top and offset < top_offset:
            return None
        forgotten = sequence < top - SEQUENCES_REMEMBERED
        return "replayed" if forgotten or sequence in self.met else "out of order"

    def remember(self, sequence, offset):
        if self.highest is None or sequence > self.highest[0]:
            self.highest = (sequence, offset)
        self.met.add(sequence)


class Place:
    """What a reader remembers of one place: the batches it read last, one after the other, and the streams."""

    def __init__(self):
        self.run = []
        self.streams = {}

    def boundary(self, offset):
        return any(met.last == offset - 1 or met.base == offset for met in self.run)

    def sharing(self, first, last):
        return [met for met in self.run if met.base <= last and met.last >= first]

    def remember(self, met):
        for index, old in enumerate(self.run):
            if (old.base, old.last) == (met.base, met.last):
                self.run[index] = met
                return
        if self.run and self.run[-1].last != met.base - 1:
            self.run = []
        self.run = (self.run + [met])[-BATCHES_REMEMBERED:]

    def contradicts(self, predecessor):
        for met in self.sharing(predecessor.offset, predecessor.offset):
            if met.seal_id == UNKNOWN:
                return False
            if met.base != predecessor.offset:
                return True
            if met.seal_id is not None and met.seal_id[:8] == predecessor.seal_prefix:
                return False
            return met.producer_hash != predecessor.producer_hash or not any(met.producer_hash)
        return False


# The reader of one place.


class Reader:
    def __init__(self, context):
        self.context = context
        self.place = Place()
        self.outcomes = {}  # ProducerId: whether its batches since its last marker were in effect of an entry
        self.next_offset = 0

    def fetch(self, data, offset, share_group=False, aborted=None):
        """A Finding for each batch up to the first refused. `aborted`: in a read_committed fetch, [(ProducerId, FirstOffset)]."""
        seen = [classify(raw, magic, self.context) for raw, magic in kafka.split(data)]
        vouched = vouch(seen)
        if offset != self.next_offset or aborted is None or share_group:
            self.outcomes = {}
        fetch = Fetch(self, offset, share_group, aborted)
        for index, one in enumerate(seen):
            fetch.judge(one, index in vouched)
            if fetch.findings[-1].refused and not share_group:
                break
        if fetch.started:
            self.next_offset = fetch.expected
        return fetch.deliver(seen)


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
        self.expected = offset
        self.started = False
        self.share_group = share_group
        self.waiting = None if aborted is None or share_group else sorted(aborted, key=lambda entry: entry[1])
        self.in_effect = set()
        self.findings = []
        self.seen = []

    def accepts(self, about):
        """Whether one entry of the trust file has all of these offsets."""
        return about is not None and any(
            first <= about[0] <= about[1] <= last for first, last in self.context.here(self.context.exceptions, [])
        )

    def judge(self, seen, vouched):
        finding = Finding("authentic", seen.base, seen.last)
        self.findings.append(finding)
        self.seen.append(seen)
        try:
            if seen.verdict not in (None, "control", "clear"):
                raise Refused(seen.verdict, seen.whole)
            if seen.verdict is None:
                check_origin(seen, self.context, vouched)
            self.order(seen, finding)
            if finding.verdict == "authentic" and seen.verdict is not None:
                finding.verdict = seen.verdict
            if finding.delivered:
                self.outcome(seen)
        except Refused as refused:
            self.replace(seen, finding, refused)
        if not finding.refused:
            self.remember(seen, finding)

    def order(self, seen, finding):
        """Rule 13. Of what is accepted, a replay counts more than anything else, and then the first."""
        for rule in (self.continuity, self.again, self.predecessors, self.streams):
            try:
                rule(seen)
            except Refused as refused:
                if not self.accepts(refused.about):
                    raise
                if refused.verdict == "replayed":
                    raise
                if finding.verdict == "authentic":
                    finding.verdict, finding.accepted = refused.verdict, True
                    vars(finding).update(refused.named)

    def replace(self, seen, finding, refused):
        finding.verdict, finding.expected, finding.missed = refused.verdict, None, None
        vars(finding).update(refused.named)
        finding.accepted = refused.verdict not in POSITIONAL and self.accepts(seen.whole) and self.goes_on(seen)

    def goes_on(self, seen):
        try:
            self.continuity(seen)
        except Refused as refused:
            return self.accepts(refused.about)
        return True

    def continuity(self, seen):
        expected = self.expected
        if not 0 <= seen.base <= seen.last < 2**63 - 1:
            raise Refused("wrong offset", None, expected=expected)
        at_boundary = self.started or self.place.boundary(expected)
        goes_on = seen.base == expected if at_boundary else seen.base <= expected <= seen.last
        if not goes_on and not self.share_group:
            about = (min(seen.base, expected), max(seen.base, expected) - 1)
            raise Refused("wrong offset", about, expected=expected)

    def again(self, seen):
        seal_id = seen.envelope.seal_id if seen.envelope else None
        for met in [] if self.share_group else self.place.sharing(seen.base, seen.last):
            if met.seal_id != UNKNOWN and (met.base, met.last, met.seal_id) != (seen.base, seen.last, seal_id):
                raise Refused("removed", (seen.base, seen.base), missed=seen.base)

    def predecessors(self, seen):
        first = None
        for one in seen.envelope.header.predecessors if seen.envelope else []:
            beyond = one.offset >= seen.base
            if beyond or not self.share_group and self.place.contradicts(one):
                refused = Refused("removed", (one.offset, one.offset), missed=one.offset)
                if not self.accepts(refused.about):
                    raise refused
                first = first or refused
        if first:
            raise first

    def stream_of(self, seen):
        header = seen.envelope.header
        return self.place.streams.setdefault((header.writer, header.stream), StreamMemory())

    def streams(self, seen):
        if seen.envelope is None:
            return
        verdict = self.stream_of(seen).judge(seen.envelope.header.sequence, seen.base)
        if verdict:
            raise Refused(verdict, seen.whole)

    def outcome(self, seen):
        batch = seen.batch
        if self.waiting is None or not batch.attributes & kafka.TRANSACTIONAL:
            return
        while self.waiting and self.waiting[0][1] <= seen.last:
            self.in_effect.add(self.waiting.pop(0)[0])
        producer, outcomes = batch.producer_id, self.reader.outcomes
        if seen.marker is None:
            outcomes.setdefault(producer, set()).add(producer in self.in_effect)
            return
        met = outcomes.get(producer, set())
        if seen.marker == "commit" and (True in met or producer in self.in_effect):
            self.doubt(producer)
        elif seen.marker == "abort" and False in met:
            self.doubt(producer)
        else:
            outcomes.pop(producer, None)
            if seen.marker == "abort":
                self.in_effect.discard(producer)

    def revise(self, finding, verdict):
        """A verdict that comes after rule 13, in place of one that had been accepted or was good."""
        finding.verdict, finding.expected, finding.missed = verdict, None, None
        finding.accepted = self.accepts((finding.base, finding.last))

    def doubt(self, producer):
        """The marker met last contradicts the list: so is all of its transaction that stands in this response."""
        for index in range(len(self.seen) - 2, -1, -1):
            one, finding = self.seen[index], self.findings[index]
            if one.batch is None or one.batch.producer_id != producer:
                continue
            if not one.batch.attributes & kafka.TRANSACTIONAL:
                continue
            if one.marker:
                break
            if finding.delivered:
                self.revise(finding, "outcome forged")
        if self.accepts(self.seen[-1].whole):
            self.reader.outcomes.pop(producer, None)
        raise Refused("outcome forged", self.seen[-1].whole)

    def remember(self, seen, finding):
        header = seen.envelope.header if seen.envelope else None
        met = Met(seen.base, seen.last, seen.envelope.seal_id if header else None, bytes(8))
        if header:
            met.producer_hash = header.own_producer_hash()
        if not finding.delivered:
            met = Met(seen.base, seen.last, UNKNOWN, bytes(8))
        elif header and self.stream_of(seen).judge(header.sequence, seen.base) is None:
            self.stream_of(seen).remember(header.sequence, seen.base)
        if not self.share_group:
            self.place.remember(met)
        self.started, self.expected = True, seen.last + 1

    # Rules 14 and 15, and what comes out.

    def deliver(self, seen):
        done = []
        for one, finding in zip(seen, self.findings):
            done.append(finding)
            try:
                if finding.delivered:
                    finding.opened = self.open(one)
            except Refused as refused:
                self.revise(finding, refused.verdict)
            if finding.refused and not self.share_group:
                break
            if finding.accepted and not finding.delivered and not self.share_group:
                finding.opened = empty_batch(one)
        return done

    def open(self, seen):
        if seen.envelope is None:
            return seen.raw
        try:
            records = seal.open_envelope(seen.envelope, self.context.recipients)
        except seal.KeyUnavailable:
            raise Refused("key unavailable") from None
        except seal.Unopenable:
            raise Refused("unopenable") from None
        return inner_batch(seen, records, self.context.log_append_time).write()


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


def empty_batch(seen):
    leader_epoch, delta = (seen.batch.leader_epoch, seen.batch.last_offset_delta) if seen.batch else (0, 0)
    return kafka.Batch(seen.base, leader_epoch, 0, delta, -1, -1, -1, -1, -1, 0, b"").write()
