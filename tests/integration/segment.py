# SPDX-License-Identifier: Apache-2.0
"""Kafka's record batches on disk, read and rewritten: what somebody with access to a broker's disks can do.

    with open(path, "rb") as file: batches(file.read())
    rewrite(path, lambda found: exchange(found, 1, 2))

Every edit leaves a segment that Kafka takes for sound: CRCs are computed again, and offsets follow one another, unless
a function says that they do not. Files are rewritten in place, so that a running broker, which keeps them open, serves
the new bytes. Where sizes or numbers of batches change, stop the broker first: its indexes are dropped, and it makes
them again when it starts.

Layout: Kafka's magic 2. Only the standard library is used; the demo runs this with the system's Python.
"""

import gzip
import os
import struct
import time
from dataclasses import dataclass
from typing import Optional

# BaseOffset, BatchLength, PartitionLeaderEpoch, Magic, CRC, then what the CRC covers: Attributes, LastOffsetDelta,
# BaseTimestamp, MaxTimestamp, ProducerId, ProducerEpoch, BaseSequence, and the number of records.
_HEADER = struct.Struct(">qiibIhiqqqhii")
_NAMES = ("base_offset", "length", "leader_epoch", "magic", "crc", "attributes", "last_offset_delta", "base_timestamp",
          "max_timestamp", "producer_id", "producer_epoch", "base_sequence", "record_count")
_BEFORE_LENGTH = 12
_CRC_AT, _COVERED_FROM = 17, 21

HEADER_BYTES = _HEADER.size
CODECS = ("none", "gzip", "snappy", "lz4", "zstd")
APPEND_TIME, TRANSACTIONAL, CONTROL = 8, 16, 32


class Malformed(ValueError):
    """The bytes are no record batch of magic 2."""


def _crc_table():
    table = []
    for byte in range(256):
        for _ in range(8):
            byte = byte >> 1 ^ (0x82F63B78 if byte & 1 else 0)
        table.append(byte)
    return table


_TABLE = _crc_table()


def crc32c(data, crc=0):
    table, crc = _TABLE, crc ^ 0xFFFFFFFF
    for byte in data:
        crc = table[(crc ^ byte) & 0xFF] ^ crc >> 8
    return crc ^ 0xFFFFFFFF


@dataclass(frozen=True)
class Record:
    """One record of an opened records section; offset and timestamp are absolute."""

    offset: int
    timestamp: int
    key: Optional[bytes]
    value: Optional[bytes]
    headers: tuple


@dataclass(frozen=True)
class Batch:
    """One batch as it is stored; its header fields are attributes (base_offset, producer_id, record_count, …)."""

    data: bytes

    def __getattr__(self, name):
        try:
            return _HEADER.unpack_from(self.data)[_NAMES.index(name)]
        except ValueError:
            raise AttributeError(name) from None

    def __len__(self):
        return len(self.data)

    @property
    def records(self):
        """The records section, compressed as it is."""
        return self.data[HEADER_BYTES:]

    @property
    def last_offset(self):
        return self.base_offset + self.last_offset_delta

    @property
    def codec(self):
        return CODECS[self.attributes & 7]

    @property
    def transactional(self):
        return bool(self.attributes & TRANSACTIONAL)

    @property
    def control(self):
        return bool(self.attributes & CONTROL)

    @property
    def crc_right(self):
        return self.crc == crc32c(self.data[_COVERED_FROM:])

    def repaired(self):
        """The same batch with its length and CRC made right."""
        data = bytearray(self.data)
        struct.pack_into(">i", data, 8, len(data) - _BEFORE_LENGTH)
        struct.pack_into(">I", data, _CRC_AT, crc32c(data[_COVERED_FROM:]))
        return Batch(bytes(data))

    def having(self, **fields):
        """The batch with other header fields, such as having(base_offset=7); the CRC is repaired."""
        values = dict(zip(_NAMES, _HEADER.unpack_from(self.data)))
        unknown = fields.keys() - values.keys()
        if unknown:
            raise TypeError("no such field: %s" % ", ".join(sorted(unknown)))
        values.update(fields)
        return Batch(_HEADER.pack(*(values[name] for name in _NAMES)) + self.records).repaired()

    def at(self, base_offset):
        """The batch at another offset, which its CRC does not cover."""
        return Batch(struct.pack(">q", base_offset) + self.data[8:])

    def having_records(self, records):
        """The batch with other bytes for its records section; the CRC is repaired."""
        return Batch(self.data[:HEADER_BYTES] + records).repaired()

    def flipped(self, position, mask=1, repair=True):
        """The batch with bits of one byte turned over; without repair its CRC tells."""
        data = bytearray(self.data)
        data[position] ^= mask
        made = Batch(bytes(data))
        return made.repaired() if repair else made

    def replacing(self, old, new, repair=True):
        """The batch with other bytes in its records section; the same number of them, or the records no longer parse."""
        if old not in self.records:
            raise ValueError("the batch does not hold these bytes")
        made = Batch(self.data[:HEADER_BYTES] + self.records.replace(old, new, 1))
        return made.repaired() if repair else made

    def opened(self, decompress=None):
        """The records; gzip is undone here, and other codecs by the function given."""
        section = self.records
        if self.codec == "gzip":
            section = gzip.decompress(section)
        elif self.codec != "none":
            section = decompress(section)
        return _records(self, section)


def batches(data):
    """The batches of a segment, or of a Fetch response's records, in order. Space left over at the end is not one."""
    found, at = [], 0
    while at + HEADER_BYTES <= len(data):
        length = struct.unpack_from(">i", data, at + 8)[0]
        end = at + _BEFORE_LENGTH + length
        if length < HEADER_BYTES - _BEFORE_LENGTH or end > len(data):
            break
        if data[at + 16] != 2:
            raise Malformed("magic %d at byte %d" % (data[at + 16], at))
        found.append(Batch(bytes(data[at:end])))
        at = end
    return found


def read(path):
    with open(path, "rb") as file:
        return batches(file.read())


def write(path, found):
    """Stores batches in place of those of a segment file, as they are. Indexes that no longer fit are removed."""
    data = b"".join(batch.data for batch in found)
    with open(path, "r+b") as file:
        before = batches(file.read())
        file.seek(0)
        file.write(data)
        file.truncate()
    if [(len(b), b.base_offset) for b in before] != [(len(b), b.base_offset) for b in found]:
        _drop_indexes(path)


def rewrite(path, edit):
    """Stores what `edit` makes of the list of a segment file's batches; returns it."""
    found = edit(read(path))
    write(path, found)
    return found


def _drop_indexes(path):
    for name in (".index", ".timeindex", ".txnindex"):
        try:
            os.unlink(path[: -len(".log")] + name)
        except FileNotFoundError:
            pass


# Edits: each takes a list of batches and returns another.


def renumber(found, first=None):
    """The same batches with offsets that follow one another, from `first` or where they began."""
    made, offset = [], found[0].base_offset if first is None and found else first
    for batch in found:
        made.append(batch.at(offset))
        offset = made[-1].last_offset + 1
    return made


def remove(found, index, close=True):
    """Without one batch; the later ones move up, or leave a hole where close is False."""
    left = found[:index] + found[index + 1:]
    return renumber(left, found[0].base_offset) if close and left else left


def exchange(found, one, other):
    """With two batches in each other's place."""
    made = list(found)
    made[one], made[other] = made[other], made[one]
    return renumber(made, found[0].base_offset)


def duplicate(found, index, at=None):
    """With one batch a second time: at the end, or before the batch numbered `at`."""
    at = len(found) if at is None else at
    return renumber(found[:at] + [found[index]] + found[at:], found[0].base_offset)


def append(found, batch):
    """With one batch more, at the offset after the last."""
    return found + [batch.at(found[-1].last_offset + 1 if found else 0)]


def replace(found, index, batch):
    """With another batch in the place of one."""
    return found[:index] + [batch.at(found[index].base_offset)] + found[index + 1:]


# Records, written and read.


def forge(records, base_offset=0, timestamp=None, attributes=0, producer_id=-1, producer_epoch=-1, base_sequence=-1,
          leader_epoch=0):
    """A batch of (key, value) or (key, value, headers) that nobody's producer sent; uncompressed."""
    timestamp = int(time.time() * 1000) if timestamp is None else timestamp
    section = b"".join(_record_bytes(delta, *record) for delta, record in enumerate(records))
    header = _HEADER.pack(base_offset, 0, leader_epoch, 2, 0, attributes, len(records) - 1, timestamp, timestamp,
                          producer_id, producer_epoch, base_sequence, len(records))
    return Batch(header + section).repaired()


def _record_bytes(delta, key, value, headers=()):
    body = b"\0" + _varint(0) + _varint(delta) + _sized(key) + _sized(value) + _varint(len(headers))
    body += b"".join(_sized(name.encode()) + _sized(data) for name, data in headers)
    return _varint(len(body)) + body


def _sized(data):
    return _varint(-1) if data is None else _varint(len(data)) + data


def _varint(number):
    number = number << 1 ^ number >> 63
    number &= 0xFFFFFFFFFFFFFFFF
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


class _Reader:
    def __init__(self, data):
        self.data, self.at = data, 0

    def varint(self):
        number = shift = 0
        while True:
            byte = self.data[self.at]
            self.at += 1
            number |= (byte & 0x7F) << shift
            if byte < 0x80:
                return number >> 1 ^ -(number & 1)
            shift += 7

    def sized(self):
        length = self.varint()
        if length < 0:
            return None
        self.at += length
        if self.at > len(self.data):
            raise Malformed("a record is cut short")
        return self.data[self.at - length:self.at]


def _records(batch, section):
    reader, found = _Reader(section), []
    for _ in range(batch.record_count):
        reader.varint()
        reader.at += 1
        timestamp = batch.base_timestamp + reader.varint()
        if batch.attributes & APPEND_TIME:
            timestamp = batch.max_timestamp
        offset = batch.base_offset + reader.varint()
        key, value = reader.sized(), reader.sized()
        headers = tuple((reader.sized().decode(), reader.sized()) for _ in range(reader.varint()))
        found.append(Record(offset, timestamp, key, value, headers))
    return found
