# SPDX-License-Identifier: Apache-2.0
"""Sealed batches as somebody sees them who holds no key: where the parts of an envelope are, and what a Fetch answers.

    Envelope(batch).at("seal time")                            → the position of its last byte in batch.data
    having_section(batch, without_last_stub(section(batch)))   → the batch with a stub less
    fetch(connection, "orders", 0)                             → Fetched(error, data, aborted)

Layout: spec/sealed-batch.md, sections 3 to 5.
"""

import gzip
import hashlib
import struct
from dataclasses import dataclass

import segment
import zstandard

MAGIC = b"SGNB"
TAG_BYTES, SIGNATURE_BYTES = 16, 64

# The fields of a header in their order. A count is followed by as many of what it counts.
FIXED = (
    ("magic", 4), ("version", 1), ("suite", 1), ("header size", 2), ("topic id", 16), ("partition", 4), ("writer", 32),
    ("stream", 16), ("sequence", 8), ("previous link", 32), ("seal time", 8), ("nonce", 24), ("key commitment", 32),
    ("inner attributes", 2), ("inner last offset delta", 4), ("inner base timestamp", 8), ("inner max timestamp", 8),
    ("inner producer id", 8), ("inner producer epoch", 2), ("inner base sequence", 4), ("inner record count", 4),
)
TEXTS = ("cluster id", "topic name", "principal")
PREDECESSOR = (("predecessor offset", 8), ("predecessor seal", 8), ("predecessor producer", 8))
RECIPIENT = (("recipient id", 8), ("wrapped key", 80))


class Envelope:
    """Where the parts of a batch's envelope are in its bytes; of predecessors and recipients the first one's."""

    def __init__(self, batch):
        self.batch = batch
        self.spans = {}
        self._at = batch.data.index(MAGIC, segment.HEADER_BYTES)
        size = self._size()
        end = self._at + size
        for name, width in FIXED:
            self._take(name, width)
        for name in TEXTS:
            self._take(name, self._count(name + " size"))
        self._several(self._count("predecessor count"), PREDECESSOR)
        self._take("key scheme", 1)
        self._several(self._count("recipient count"), RECIPIENT)
        self._take("ciphertext", end - TAG_BYTES - SIGNATURE_BYTES - self._at)
        self._take("tag", TAG_BYTES)
        self._take("signature", SIGNATURE_BYTES)

    def at(self, name, back=1):
        """The position of a part's last byte, or of another one, counted from its end."""
        start, size = self.spans[name]
        if size < back:
            raise ValueError("the envelope has no %s, or it is shorter" % name)
        return start + size - back

    def seal_id(self):
        start, _ = self.spans["magic"]
        end, _ = self.spans["signature"]
        return hashlib.sha256(self.batch.data[start:end]).digest()

    def read(self, name):
        start, size = self.spans[name]
        return self.batch.data[start:start + size]

    def _size(self):
        """The varint in front of the envelope; the byte in front of that is a null key's and ends no other number."""
        data, first = self.batch.data, self._at - 1
        while data[first - 1] & 0x80:
            first -= 1
        number = sum((byte & 0x7F) << 7 * i for i, byte in enumerate(data[first:self._at]))
        return number >> 1

    def _take(self, name, size):
        self.spans.setdefault(name, (self._at, size))
        self._at += size

    def _count(self, name):
        self._take(name, 1)
        return self.batch.data[self._at - 1]

    def _several(self, count, parts):
        for _ in range(count):
            for name, size in parts:
                self._take(name, size)


# Stubs: the records behind the one that holds the envelope.

# How a stub ends, behind its offset delta: a null key, an empty value, no headers.
_NO_HEADERS = b"\x00"
_STUB_END = b"\x01\x00" + _NO_HEADERS


def section(batch):
    """The records section, decompressed."""
    if batch.codec == "none":
        return batch.records
    if batch.codec == "gzip":
        return gzip.decompress(batch.records)
    return zstandard.ZstdDecompressor().decompressobj().decompress(batch.records)


def having_section(batch, changed):
    """The batch with another records section, compressed as a whole if the batch is."""
    compress = {"none": bytes, "gzip": gzip.compress, "zstd": zstandard.ZstdCompressor().compress}
    return batch.having_records(compress[batch.codec](changed))


def with_blocks(batch, change):
    """The same, but in a frame as sealers write it: the envelope stays, and the stubs are in blocks of their own."""
    stubs_at = Envelope(batch).at("signature") + 1 + len(_NO_HEADERS)
    last_of_first = batch.data[stubs_at - len(_NO_HEADERS) - SIGNATURE_BYTES:stubs_at]
    changed = change(section(batch))
    frame = zstandard.ZstdCompressor(write_content_size=False).compress(
        changed[changed.index(last_of_first) + len(last_of_first):])
    return batch.having_records(batch.data[segment.HEADER_BYTES:stubs_at] + frame[zstandard.frame_header_size(frame):])


def without_last_stub(plain):
    return plain[:plain.rindex(_STUB_END, 0, -1) + len(_STUB_END)]


def with_another_stub(plain):
    return plain + plain[len(without_last_stub(plain)):]


def with_a_keyed_stub(plain):
    """The last stub has an empty key instead of none."""
    return plain[:-len(_STUB_END)] + bytes(3)


def with_a_record_for_a_stub(plain):
    """The last stub says something."""
    value = b"smuggled"
    body = bytes([0, 0, 2 * 2, 1, 2 * len(value)]) + value + b"\0"
    return without_last_stub(plain) + bytes([2 * len(body)]) + body


# Fetches.


@dataclass(frozen=True)
class Fetched:
    """What one Fetch answered for its one partition; aborted: (producer id, first offset) of transactions."""

    error: int
    data: bytes
    aborted: tuple

    @property
    def offsets(self):
        """The offsets of all records."""
        return [offset for batch in segment.batches(self.data) if not batch.control
                for offset in range(batch.base_offset, batch.base_offset + batch.record_count)]


# The oldest that brokers of today answer: names, not ids, and no tags.
FETCH, FETCH_VERSION = 1, 4
ROOM_BYTES = 8 << 20


def fetch(connection, topic, partition=0, offset=0, committed=False):
    """One Fetch request on a bare connection, and what comes of it, nothing retried."""
    name = topic.encode()
    header = struct.pack(">hhih", FETCH, FETCH_VERSION, 1, -1)
    replica, max_wait_ms, least_bytes = -1, 500, 1
    body = struct.pack(">iiiib", replica, max_wait_ms, least_bytes, ROOM_BYTES, committed)
    body += struct.pack(">ih", 1, len(name)) + name + struct.pack(">iiqi", 1, partition, offset, ROOM_BYTES)
    connection.sendall(struct.pack(">i", len(header + body)) + header + body)
    size = struct.unpack(">i", _receive(connection, 4))[0]
    return _fetched(_receive(connection, size)[4:])


def _fetched(body):
    at = 4 + 4
    at += 2 + struct.unpack_from(">h", body, at)[0] + 4
    error = struct.unpack_from(">h", body, at + 4)[0]
    at += 4 + 2 + 8 + 8
    count = max(0, struct.unpack_from(">i", body, at)[0])
    aborted = tuple(struct.unpack_from(">qq", body, at + 4 + 16 * i) for i in range(count))
    at += 4 + 16 * count
    size = max(0, struct.unpack_from(">i", body, at)[0])
    return Fetched(error, body[at + 4:at + 4 + size], aborted)


def _receive(connection, size):
    data = b""
    while len(data) < size:
        more = connection.recv(size - len(data))
        if not more:
            raise ConnectionError("closed after %d of %d bytes" % (len(data), size))
        data += more
    return data
