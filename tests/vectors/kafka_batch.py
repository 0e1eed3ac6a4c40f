# SPDX-License-Identifier: Apache-2.0
"""Kafka record batches (magic 2), their records and codecs: what spec/sealed-batch.md takes from Kafka.

Nothing here knows about seals. Every function raises Malformed for bytes that break Kafka's format.
"""

import struct
import zlib
from dataclasses import dataclass, replace

import lz4.block
import lz4.frame
import snappy
import zstandard

NONE, GZIP, SNAPPY, LZ4, ZSTD = range(5)

CODEC_MASK = 0x07
LOG_APPEND_TIME = 0x08
TRANSACTIONAL = 0x10
CONTROL = 0x20

HEADER_BYTES = 61
CRC_FROM = 21
XERIAL_MAGIC = b"\x82SNAPPY\x00"


class Malformed(Exception):
    pass


class TooLarge(Exception):
    """The output would be larger than the bound that was given."""


def crc_table():
    table = []
    for value in range(256):
        for _ in range(8):
            value = (value >> 1) ^ (0x82F63B78 if value & 1 else 0)
        table.append(value)
    return table


CRC_TABLE = crc_table()


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc = CRC_TABLE[(crc ^ byte) & 0xFF] ^ (crc >> 8)
    return crc ^ 0xFFFFFFFF


def wrap64(value):
    return (value + 2**63) % 2**64 - 2**63


class Cursor:
    def __init__(self, data):
        self.data = data
        self.at = 0

    def left(self):
        return len(self.data) - self.at

    def take(self, count):
        if count < 0 or count > self.left():
            raise Malformed("ends early")
        self.at += count
        return self.data[self.at - count : self.at]

    def number(self, form):
        return struct.unpack(">" + form, self.take(struct.calcsize(">" + form)))[0]

    def zigzag(self, bits):
        value = 0
        for shift in range(0, bits, 7):
            byte = self.take(1)[0]
            value |= (byte & 0x7F) << shift
            if not byte & 0x80:
                if value >> bits:
                    raise Malformed("varint too large")
                return (value >> 1) ^ -(value & 1)
        raise Malformed("varint too long")

    def varint(self):
        return self.zigzag(32)

    def varlong(self):
        return self.zigzag(64)

    def nullable(self):
        length = self.varint()
        if length < -1:
            raise Malformed("negative length")
        return None if length == -1 else self.take(length)


def zigzag_bytes(value):
    value = (value << 1) ^ (value >> 63)
    value &= 2**64 - 1
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


@dataclass(frozen=True)
class Record:
    attributes: int
    timestamp_delta: int
    offset_delta: int
    key: bytes | None
    value: bytes | None
    headers: tuple

    def write(self):
        body = bytes([self.attributes & 0xFF]) + zigzag_bytes(self.timestamp_delta) + zigzag_bytes(self.offset_delta)
        for part in (self.key, self.value):
            body += zigzag_bytes(-1) if part is None else zigzag_bytes(len(part)) + part
        body += zigzag_bytes(len(self.headers))
        for name, value in self.headers:
            body += zigzag_bytes(len(name)) + name
            body += zigzag_bytes(-1) if value is None else zigzag_bytes(len(value)) + value
        return zigzag_bytes(len(body)) + body


def read_record(cursor):
    body = Cursor(cursor.take(cursor.varint()))
    attributes = body.number("b")
    timestamp_delta, offset_delta = body.varlong(), body.varint()
    key, value = body.nullable(), body.nullable()
    count = body.varint()
    if count < 0:
        raise Malformed("negative number of headers")
    headers = []
    for _ in range(count):
        name = body.nullable()
        if name is None:
            raise Malformed("header without a name")
        headers.append((name, body.nullable()))
    if body.left():
        raise Malformed("record longer than its parts")
    return Record(attributes, timestamp_delta, offset_delta, key, value, tuple(headers))


@dataclass(frozen=True)
class Batch:
    base_offset: int
    leader_epoch: int
    attributes: int
    last_offset_delta: int
    base_timestamp: int
    max_timestamp: int
    producer_id: int
    producer_epoch: int
    base_sequence: int
    record_count: int
    records: bytes
    crc_right: bool = True

    def write(self):
        covered = (
            struct.pack(
                ">hiqqqhii",
                self.attributes,
                self.last_offset_delta,
                self.base_timestamp,
                self.max_timestamp,
                self.producer_id,
                self.producer_epoch,
                self.base_sequence,
                self.record_count,
            )
            + self.records
        )
        length = HEADER_BYTES - 12 + len(self.records)
        return struct.pack(">qiibI", self.base_offset, length, self.leader_epoch, 2, crc32c(covered)) + covered

    @property
    def codec(self):
        return self.attributes & CODEC_MASK

    @property
    def last_offset(self):
        return self.base_offset + self.last_offset_delta

    def with_(self, **changes):
        return replace(self, **changes)


def read_batch(data):
    """`data` is exactly one batch with magic 2. The CRC is judged, not enforced."""
    cursor = Cursor(data)
    base_offset, length, leader_epoch, magic, crc = (cursor.number(form) for form in "qiibI")
    if magic != 2 or length + 12 != len(data) or len(data) < HEADER_BYTES:
        raise Malformed("not one batch")
    fields = [cursor.number(form) for form in "hiqqqhii"]
    records = cursor.take(cursor.left())
    return Batch(base_offset, leader_epoch, *fields, records, crc_right=crc == crc32c(data[CRC_FROM:]))


def split(data):
    """The batches of a Fetch response's records field, each as (bytes, magic); a part at the end is left out.

    Another magic, or a length that no batch can have, ends the split with everything that is left.
    """
    at = 0
    while len(data) - at >= 17:
        length, magic = struct.unpack(">ixxxxb", data[at + 8 : at + 17])
        if magic != 2 or length < HEADER_BYTES - 12:
            yield data[at:], magic
            return
        if len(data) - at < 12 + length:
            return
        yield data[at : at + 12 + length], magic
        at += 12 + length


def compress(codec, plain):
    if codec == NONE:
        return plain
    if codec == GZIP:
        writer = zlib.compressobj(wbits=31)
        return writer.compress(plain) + writer.flush()
    if codec == SNAPPY:
        block = snappy.compress(plain)
        return XERIAL_MAGIC + struct.pack(">iii", 1, 1, len(block)) + block
    if codec == LZ4:
        return lz4.frame.compress(plain, block_linked=False, store_size=False)
    if codec == ZSTD:
        return zstandard.ZstdCompressor(write_content_size=False).compress(plain)
    raise Malformed("no such codec")


def gunzip(data, bound):
    member = zlib.decompressobj(wbits=31)
    out = member.decompress(data, bound + 1)
    if len(out) > bound:
        raise TooLarge
    out += member.flush()
    if not member.eof or member.unused_data:
        raise Malformed("not one gzip member")
    return out


def unsnap_block(block, bound):
    length, shift = 0, 0
    for byte in block[:5]:
        length |= (byte & 0x7F) << shift
        shift += 7
        if not byte & 0x80:
            break
    if length > bound:
        raise TooLarge
    return bytes(snappy.uncompress(block))


def unsnap(data, bound):
    if not data.startswith(XERIAL_MAGIC):
        return unsnap_block(data, bound)
    cursor = Cursor(data)
    cursor.take(16)
    out = b""
    while cursor.left():
        out += unsnap_block(cursor.take(cursor.number("I")), bound - len(out))
    return out


def unlz4(data, bound):
    frame = lz4.frame.LZ4FrameDecompressor()
    out = frame.decompress(data, max_length=bound + 1)
    if len(out) > bound:
        raise TooLarge
    if not frame.eof or frame.unused_data:
        raise Malformed("not one lz4 frame")
    return out


def unzstd(data, bound):
    out = bytearray()
    frame = zstandard.ZstdDecompressor().decompressobj()
    at = 0
    while not frame.eof and at < len(data):
        out += frame.decompress(data[at : at + 256])
        at += 256
        if len(out) > bound:
            raise TooLarge
    if not frame.eof or frame.unused_data or data[at:]:
        raise Malformed("not one zstd frame")
    return bytes(out)


def decompress(codec, data, bound):
    """All of `data`, or TooLarge as soon as it is clear that there are more than `bound` bytes."""
    readers = {GZIP: gunzip, SNAPPY: unsnap, LZ4: unlz4, ZSTD: unzstd}
    if codec == NONE:
        if len(data) > bound:
            raise TooLarge
        return data
    if codec not in readers:
        raise Malformed("no such codec")
    try:
        return readers[codec](data, bound)
    except (Malformed, TooLarge):
        raise
    except Exception as error:
        raise Malformed(str(error)) from error
