# SPDX-License-Identifier: Apache-2.0
"""The sealed batch, written a second time from spec/sealed-batch.md: envelopes, seals, keys. reader.py has the verdicts.

Plain rather than fast, and it shares nothing with the C code, so that the two can prove each other.
"""

import hashlib
import os
import struct
from dataclasses import dataclass, field

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from nacl.exceptions import CryptoError
from nacl.public import PrivateKey, PublicKey, SealedBox

import zstandard

from kafka_batch import CODEC_MASK, NONE, TRANSACTIONAL, ZSTD, Batch, Cursor, Malformed, Record, wrap64

MAGIC = b"SGNB"
VERSION = 1
SUITE = 1
TAG_BYTES = 16
SIGNATURE_BYTES = 64
PREDECESSORS_MAX = 32
RECIPIENTS_MAX = 64
RECORDS_MAX = 10_000_000

FIELD_ORDER = 2**255 - 19
GROUP_ORDER = 2**252 + 27742317777372353535851937790883648493


class Unsupported(Exception):
    pass


class KeyUnavailable(Exception):
    pass


class Unopenable(Exception):
    pass


def sha256(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


# XAES-256-GCM: a key for AES-256-GCM derived by CMAC from the key and the first half of the nonce.


def xaes_key(key, nonce):
    block = Cipher(algorithms.AES(key), modes.ECB()).encryptor()
    top = int.from_bytes(block.update(bytes(16)), "big")
    k1 = ((top << 1) & (2**128 - 1)) ^ (0x87 if top >> 127 else 0)
    halves = (bytes([0, counter, 0x58, 0]) + nonce[:12] for counter in (1, 2))
    return b"".join(block.update((int.from_bytes(half, "big") ^ k1).to_bytes(16, "big")) for half in halves)


def xaes_seal(key, nonce, plaintext, associated):
    return AESGCM(xaes_key(key, nonce)).encrypt(nonce[12:], plaintext, associated)


def xaes_open(key, nonce, sealed, associated):
    try:
        return AESGCM(xaes_key(key, nonce)).decrypt(nonce[12:], sealed, associated)
    except InvalidTag:
        raise Unopenable from None


# Ed25519 with the refusals that section 1 asks for.


def small_order_encodings():
    """The y coordinates of the eight points of small order, canonical and not."""
    y8 = int.from_bytes(bytes.fromhex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"), "little")
    canonical = {0, 1, FIELD_ORDER - 1, y8, FIELD_ORDER - y8}
    return canonical | {y + FIELD_ORDER for y in canonical if y + FIELD_ORDER < 2**255}


SMALL_ORDER = small_order_encodings()


def coordinate(point):
    return int.from_bytes(point, "little") & (2**255 - 1)


def usable_writer_key(public):
    return coordinate(public) < FIELD_ORDER and coordinate(public) not in SMALL_ORDER


def verify(public, message, signature):
    if int.from_bytes(signature[32:], "little") >= GROUP_ORDER or coordinate(signature[:32]) in SMALL_ORDER:
        return False
    if not usable_writer_key(public):
        return False
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
        return True
    except (InvalidSignature, ValueError):
        return False


# Section 7.


def recipient_id(public):
    return sha256(b"signet/recipient/v1\0", public)[:8]


def key_commitment(topic_id, data_key):
    return sha256(b"signet/key-commitment/v1\0", topic_id, data_key)


def wrap_key(public, data_key):
    return recipient_id(public), SealedBox(PublicKey(public)).encrypt(data_key)


# Section 8.3.


def producer_hash(producer_id, epoch, sequence):
    if producer_id < 0:
        return bytes(8)
    return sha256(b"signet/producer/v1\0", struct.pack(">qhi", producer_id, epoch, sequence))[:8]


@dataclass(frozen=True)
class Predecessor:
    offset: int
    seal_prefix: bytes
    producer_hash: bytes


# Section 5.1.

INNER_FORM = ">hiqqqhii"
FIXED_FORM = ">4sBBH16si32s16sQ32sq24s32s"


@dataclass
class Header:
    topic_id: bytes
    partition: int
    writer: bytes
    stream: bytes
    sequence: int
    previous: bytes
    seal_time: int
    nonce: bytes
    commitment: bytes
    attributes: int
    last_offset_delta: int
    base_timestamp: int
    max_timestamp: int
    producer_id: int
    producer_epoch: int
    base_sequence: int
    record_count: int
    cluster: bytes
    topic: bytes
    principal: bytes = b""
    predecessors: list = field(default_factory=list)
    recipients: list = field(default_factory=list)

    def inner(self):
        return (
            self.attributes,
            self.last_offset_delta,
            self.base_timestamp,
            self.max_timestamp,
            self.producer_id,
            self.producer_epoch,
            self.base_sequence,
            self.record_count,
        )

    def write(self):
        tail = struct.pack(INNER_FORM, *self.inner())
        for text in (self.cluster, self.topic, self.principal):
            tail += bytes([len(text)]) + text
        tail += bytes([len(self.predecessors)])
        for one in self.predecessors:
            tail += struct.pack(">q", one.offset) + one.seal_prefix + one.producer_hash
        tail += bytes([1, len(self.recipients)]) + b"".join(name + wrapped for name, wrapped in self.recipients)
        size = struct.calcsize(FIXED_FORM) + len(tail)
        fixed = struct.pack(
            FIXED_FORM,
            MAGIC,
            VERSION,
            SUITE,
            size,
            self.topic_id,
            self.partition,
            self.writer,
            self.stream,
            self.sequence,
            self.previous,
            self.seal_time,
            self.nonce,
            self.commitment,
        )
        return fixed + tail

    def own_producer_hash(self):
        return producer_hash(self.producer_id, self.producer_epoch, self.base_sequence)


@dataclass
class Envelope:
    header: Header
    header_bytes: bytes
    sealed: bytes  # ciphertext ‖ tag
    signature: bytes

    @property
    def seal_id(self):
        return sha256(self.header_bytes, self.sealed)

    @property
    def link(self):
        return sha256(b"signet/link/v1\0", self.seal_id, self.signature)

    def signed_by_writer(self):
        return verify(self.header.writer, signed_message(self.seal_id), self.signature)


def signed_message(seal_id):
    return b"signet/sealed-batch/v1\0" + seal_id


def read_text(cursor, least, most):
    text = cursor.take(cursor.number("B"))
    if not least <= len(text) <= most:
        raise Malformed("text of a length that is not allowed")
    return text


def read_predecessors(cursor):
    count = cursor.number("B")
    if count > PREDECESSORS_MAX:
        raise Malformed("too many predecessors")
    return [Predecessor(cursor.number("q"), cursor.take(8), cursor.take(8)) for _ in range(count)]


def read_recipients(cursor):
    if cursor.number("B") != 1:
        raise Malformed("key scheme")
    count = cursor.number("B")
    if not 1 <= count <= RECIPIENTS_MAX:
        raise Malformed("number of recipients")
    return [(cursor.take(8), cursor.take(80)) for _ in range(count)]


def read_header(data):
    cursor = Cursor(data)
    fixed = struct.unpack(FIXED_FORM, cursor.take(struct.calcsize(FIXED_FORM)))
    inner = struct.unpack(INNER_FORM, cursor.take(struct.calcsize(INNER_FORM)))
    texts = [read_text(cursor, *bounds) for bounds in ((1, 64), (1, 249), (0, 255))]
    header = Header(*fixed[4:], *inner, *texts, read_predecessors(cursor), read_recipients(cursor))
    if cursor.left():
        raise Malformed("header not used up")
    if header.sequence == 0 and any(header.previous):
        raise Malformed("the first of a stream has no previous")
    if not any(header.topic_id) or header.partition < 0 or not lawful_inner(header):
        raise Malformed("what no sealer may seal")
    return header


def lawful_inner(fields):
    """Section 2's rules on Attributes, RecordCount and LastOffsetDelta, of a batch or of a header."""
    return (
        fields.attributes & CODEC_MASK <= ZSTD
        and not fields.attributes & ~(CODEC_MASK | TRANSACTIONAL)
        and 0 < fields.record_count <= RECORDS_MAX
        and fields.last_offset_delta == fields.record_count - 1
    )


def read_envelope(data):
    if len(data) < 8:
        raise Malformed("envelope too short")
    if data[4] != VERSION or data[5] != SUITE:
        raise Unsupported
    size = struct.unpack(">H", data[6:8])[0]
    if len(data) - size - TAG_BYTES - SIGNATURE_BYTES < 1:
        raise Malformed("no ciphertext")
    header = read_header(data[:size])
    return Envelope(header, data[:size], data[size:-SIGNATURE_BYTES], data[-SIGNATURE_BYTES:])


def find_data_key(header, recipients):
    """`recipients` are X25519 secret keys."""
    for secret in recipients:
        key = PrivateKey(secret)
        for name, wrapped in header.recipients:
            if name != recipient_id(bytes(key.public_key)):
                continue
            try:
                data_key = SealedBox(key).decrypt(wrapped)
            except CryptoError:
                continue
            if key_commitment(header.topic_id, data_key) == header.commitment:
                return data_key
    raise KeyUnavailable


def open_envelope(envelope, recipients):
    """The inner records section."""
    data_key = find_data_key(envelope.header, recipients)
    return xaes_open(data_key, envelope.header.nonce, envelope.sealed, envelope.header_bytes)


# Section 2 to 4: sealing.


class Refused(Exception):
    pass


def may_be_sealed(batch):
    if batch.base_offset != 0:
        raise Refused("BaseOffset")
    if not batch.crc_right:
        raise Refused("CRC")
    if not lawful_inner(batch):
        raise Refused("Attributes, RecordCount or LastOffsetDelta")
    if not batch.records:
        raise Refused("records")


def outer_records(envelope, record_count, timestamp_delta):
    """Record 0 and the stubs."""
    first = Record(0, timestamp_delta, 0, None, envelope, ()).write()
    stubs = b"".join(Record(0, timestamp_delta, index, None, b"", ()).write() for index in range(1, record_count))
    return first, stubs


def raw_then_compressed(first, stubs):
    """Section 4: record 0 in raw blocks, the stubs in compressed ones."""
    size = len(first) + len(stubs)
    out = struct.pack("<IBI", 0xFD2FB528, 0xA0, size)  # one segment, 4-byte content size, no checksum
    for at in range(0, len(first), 131072):
        part = first[at : at + 131072]
        out += struct.pack("<I", len(part) << 3)[:3] + part
    return out + stub_blocks(stubs)


def stub_blocks(stubs):
    """The blocks of a frame of the stubs alone: nothing in them refers to what stands before them."""
    if not stubs:
        return struct.pack("<I", 1)[:3]
    compressor = zstandard.ZstdCompressor(write_content_size=False, write_checksum=False)
    frame = compressor.compress(stubs)
    header = zstandard.get_frame_parameters(frame)
    assert not header.has_checksum and header.dict_id == 0
    return frame[zstandard.frame_header_size(frame) :]


class Stream:
    """What one writer seals for one partition over one connection."""

    def __init__(self, writer_secret, cluster, topic_id, topic, partition, recipients, **options):
        self.secret = Ed25519PrivateKey.from_private_bytes(writer_secret)
        self.writer = self.secret.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        self.place = (cluster, topic_id, topic, partition)
        self.stream = options.get("stream") or os.urandom(16)
        self.data_key = options.get("data_key") or os.urandom(32)
        self.wrapped = [wrap_key(public, self.data_key) for public in recipients]
        self.sequence = 0
        self.previous = bytes(32)

    def header_for(self, batch, seal_time, principal, predecessors):
        cluster, topic_id, topic, partition = self.place
        return Header(
            topic_id,
            partition,
            self.writer,
            self.stream,
            self.sequence,
            self.previous,
            seal_time,
            os.urandom(24),
            key_commitment(topic_id, self.data_key),
            batch.attributes,
            batch.last_offset_delta,
            batch.base_timestamp,
            batch.max_timestamp,
            batch.producer_id,
            batch.producer_epoch,
            batch.base_sequence,
            batch.record_count,
            cluster.encode(),
            topic.encode(),
            principal,
            list(predecessors),
            self.wrapped,
        )

    def seal_envelope(self, batch, seal_time, principal=b"", predecessors=()):
        may_be_sealed(batch)
        header = self.header_for(batch, seal_time, principal, predecessors)
        header_bytes = header.write()
        sealed = xaes_seal(self.data_key, header.nonce, batch.records, header_bytes)
        signature = self.secret.sign(signed_message(sha256(header_bytes, sealed)))
        envelope = Envelope(header, header_bytes, sealed, signature)
        self.sequence += 1
        self.previous = envelope.link
        return envelope

    def seal(self, batch, seal_time, principal=b"", predecessors=(), compress_stubs=None):
        """The outer batch. `compress_stubs` None follows the one per cent of section 4."""
        envelope = self.seal_envelope(batch, seal_time, principal, predecessors)
        value = envelope.header_bytes + envelope.sealed + envelope.signature
        delta = wrap64(batch.max_timestamp - batch.base_timestamp)
        first, stubs = outer_records(value, batch.record_count, delta)
        if compress_stubs is None:
            compress_stubs = len(stubs) * 100 > len(first) + len(stubs)
        codec = ZSTD if compress_stubs else NONE
        records = raw_then_compressed(first, stubs) if compress_stubs else first + stubs
        return Batch(
            0,
            -1,
            codec | batch.attributes & TRANSACTIONAL,
            batch.last_offset_delta,
            batch.base_timestamp,
            batch.max_timestamp,
            batch.producer_id,
            batch.producer_epoch,
            batch.base_sequence,
            batch.record_count,
            records,
        )
