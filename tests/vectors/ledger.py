# SPDX-License-Identifier: Apache-2.0
"""The ledger, written a second time from spec/ledger.md: trees, checkpoints, leaves, records, files.

Plain rather than fast, and it shares nothing with the C code, so that the two can prove each other.
"""

import base64
import binascii
import hashlib
import re
import struct
from dataclasses import dataclass

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

import sealed_batch

RECORD_BYTES_MAX = 1_000_000
LEAF_BYTES_MAX = 512
SIZE_MAX = 2**63 - 1
DASH = "\u2014".encode()
PLAIN = re.compile(rb"[A-Za-z0-9._-]{1,64}")
ORIGIN = re.compile(rb"signet\.ledger/v1/([A-Za-z0-9._-]{1,64}|~[0-9a-f]{32})/([0-9a-f]{64})/([0-9a-f]{32})")
NOTE = re.compile(
    rb"([^\n]+)\n([1-9][0-9]{0,18})\n([A-Za-z0-9+/]{43}=)\n\n" + DASH + rb" ([^ \n]+) ([A-Za-z0-9+/]{90}[A-Za-z0-9+/=]{2})\n"
)


class Malformed(Exception):
    pass


class Unsupported(Exception):
    pass


def require(condition):
    if not condition:
        raise Malformed


def sha256(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


# Section 1: trees, by the recursion of RFC 6962.


def leaf_hash(leaf):
    return sha256(b"\x00", leaf)


def node_hash(left, right):
    return sha256(b"\x01", left, right)


def tree_hash(hashes):
    if not hashes:
        return sha256()
    if len(hashes) == 1:
        return hashes[0]
    split = 1
    while split * 2 < len(hashes):
        split *= 2
    return node_hash(tree_hash(hashes[:split]), tree_hash(hashes[split:]))


def subproof(old, hashes, whole):
    """SUBPROOF of RFC 6962, section 2.1.2."""
    if old == len(hashes):
        return [] if whole else [tree_hash(hashes)]
    split = 1
    while split * 2 < len(hashes):
        split *= 2
    if old <= split:
        return subproof(old, hashes[:split], whole) + [tree_hash(hashes[split:])]
    return subproof(old - split, hashes[split:], False) + [tree_hash(hashes[:split])]


def consistency_proof(old, hashes):
    """That a tree of these leaf hashes extends the one of the first `old` of them."""
    return subproof(old, hashes, True) if old else []


def levels(size):
    """Of the digits 1, the largest first."""
    return [level for level in range(62, -1, -1) if size >> level & 1]


class Tree:
    """A frontier that grows: (level, root) of its full subtrees, the largest first."""

    def __init__(self, size=0, frontier=()):
        self.size = size
        self.subtrees = list(zip(levels(size), frontier))

    def append(self, one):
        level = 0
        while self.subtrees and self.subtrees[-1][0] == level:
            one = node_hash(self.subtrees.pop()[1], one)
            level += 1
        self.subtrees.append((level, one))
        self.size += 1

    def root(self):
        hashes = [one for _, one in self.subtrees]
        if not hashes:
            return sha256()
        root = hashes.pop()
        while hashes:
            root = node_hash(hashes.pop(), root)
        return root


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


# Section 2: origins and checkpoints.


def cluster_part(cluster_id):
    if PLAIN.fullmatch(cluster_id):
        return cluster_id
    return b"~" + sha256(b"signet/cluster/v1\x00", cluster_id)[:16].hex().encode()


def strict_base64(text):
    try:
        data = base64.b64decode(text, validate=True)
    except binascii.Error:
        raise Malformed from None
    require(base64.b64encode(data) == text)
    return data


def key_id(origin, public_key):
    return sha256(origin, b"\n\x01", public_key)[:4]


@dataclass
class Checkpoint:
    origin: bytes
    size: int
    root: bytes
    body: bytes
    signature: bytes
    cluster: bytes
    writer: bytes


def read_checkpoint(text):
    note = NOTE.fullmatch(text)
    require(note)
    origin, size, root, name, signature = note.groups()
    parts = ORIGIN.fullmatch(origin)
    require(parts and name == origin and int(size) <= SIZE_MAX)
    writer = bytes.fromhex(parts[2].decode())
    signature = strict_base64(signature)
    require(len(signature) == 68 and signature[:4] == key_id(origin, writer))
    return Checkpoint(
        origin, int(size), strict_base64(root), text[: text.index(b"\n\n") + 1], signature[4:], parts[1], writer
    )


# Section 5: witnesses.


def witness_key_id(name, public_key):
    return sha256(name, b"\n\x04", public_key)[:4]


def witness_key_text(name, public_key):
    return b"%s+%s+%s" % (name, witness_key_id(name, public_key).hex().encode(), base64.b64encode(b"\x04" + public_key))


def read_witness_key(text):
    """The name and the public key of a C2SP verifier key."""
    name, key_id_text, key = text.split(b"+", 2)
    key = strict_base64(key)
    require(len(key) == 33 and key[0] == 4 and key_id_text == witness_key_id(name, key[1:]).hex().encode())
    return name, key[1:]


def submission(old, proof, note):
    return b"old %d\n" % old + b"".join(base64.b64encode(one) + b"\n" for one in proof) + b"\n" + note


def cosigned_message(body, time):
    return b"cosignature/v1\ntime %d\n" % time + body


def cosignature_time(line, body, name, public_key):
    """When the witness of that name and key cosigned a checkpoint's three lines, as this line says; Malformed if it did not."""
    match = re.fullmatch(DASH + rb" ([^ \n]+) ([A-Za-z0-9+/=]+)\n", line)
    require(match and match[1] == name)
    signature = strict_base64(match[2])
    require(len(signature) == 4 + 8 + 64 and signature[:4] == witness_key_id(name, public_key))
    time = int.from_bytes(signature[4:12], "big")
    require(sealed_batch.verify(public_key, cosigned_message(body, time), signature[12:]))
    return time


# Section 3: leaves, as the vectors describe them.


class Cursor:
    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, size):
        require(self.at + size <= len(self.data))
        self.at += size
        return self.data[self.at - size : self.at]

    def number(self, form):
        return struct.unpack(">" + form, self.take(struct.calcsize(form)))[0]

    def text(self, least=0, most=255):
        size = self.number("B")
        require(least <= size <= most)
        return self.take(size)

    def between(self, form, least, most):
        value = self.number(form)
        require(least <= value <= most)
        return value

    def topic_id(self):
        value = self.take(16)
        require(any(value))
        return value.hex()

    def end(self):
        require(self.at == len(self.data))


def shown(text):
    return text.decode("utf-8", "surrogateescape")


def opening(c):
    require(c.number("B") == 1)
    leaf = {"kind": "opening", "time": c.number("q"), "interval": c.between("I", 100, 3_600_000)}
    leaf["cluster_id"] = shown(c.text(1, 64))
    if c.between("B", 0, 1):
        leaf["previous"] = {
            "writer": c.take(32).hex(),
            "instance": c.take(16).hex(),
            "size": c.between("Q", 1, SIZE_MAX),
            "root": c.take(32).hex(),
        }
    return leaf


def topic(c):
    return {"kind": "topic", "topic_id": c.topic_id(), "name": shown(c.text(1, 249))}


def batch(c):
    leaf = {
        "kind": "batch",
        "topic_id": c.topic_id(),
        "partition": c.between("i", 0, 2**31 - 1),
        "base": c.between("q", 0, SIZE_MAX),
        "last_offset_delta": c.between("i", 0, 9_999_999),
        "acks": c.number("b"),
        "transactional": bool(c.between("B", 0, 1)),
        "seal_id": c.take(32).hex(),
        "producer_id": c.number("q"),
        "producer_epoch": c.number("h"),
        "base_sequence": c.number("i"),
        "timestamp": c.number("q"),
        "size": c.between("I", 61, 2**32 - 1),
    }
    require(leaf["acks"] in (1, -1) and leaf["base"] + leaf["last_offset_delta"] < SIZE_MAX)
    return leaf


def outcome(c):
    leaf = {
        "kind": "outcome",
        "time": c.number("q"),
        "producer_id": c.between("q", 0, SIZE_MAX),
        "producer_epoch": c.between("h", 0, 32767),
        "commit": bool(c.between("B", 0, 1)),
        "next_producer_id": c.between("q", -1, SIZE_MAX),
        "next_producer_epoch": c.between("h", -1, 32767),
        "transactional_id": shown(c.text()),
    }
    require((leaf["next_producer_id"] < 0) == (leaf["next_producer_epoch"] < 0))
    return leaf


def topic_deleted(c):
    return {"kind": "topic deleted", "time": c.number("q"), "topic_id": c.topic_id()}


def records_deleted(c):
    leaf = topic_deleted(c) | {"kind": "records deleted"}
    return leaf | {"partition": c.between("i", 0, 2**31 - 1), "low_watermark": c.between("q", 0, SIZE_MAX)}


def interval(c):
    leaf = {"kind": "interval", "record": c.number("Q"), "time": c.number("q")}
    leaf["lost"] = [[c.between("B", 1, 4), c.between("Q", 1, 2**64 - 1)] for _ in range(c.between("B", 0, 4))]
    reasons = [reason for reason, _ in leaf["lost"]]
    require(reasons == sorted(set(reasons)))
    return leaf


def closing(c):
    return interval(c) | {"kind": "closing"}


def retirement(c):
    return {
        "kind": "retirement",
        "time": c.number("q"),
        "instance": c.take(16).hex(),
        "size": c.between("Q", 1, SIZE_MAX),
        "root": c.take(32).hex(),
        "reason": shown(c.text()),
    }


KINDS = [None, opening, topic, batch, outcome, records_deleted, topic_deleted, interval, closing, retirement]


def read_leaf(data):
    require(len(data) <= LEAF_BYTES_MAX)
    c = Cursor(data)
    leaf = KINDS[c.between("B", 1, len(KINDS) - 1)](c)
    c.end()
    return leaf


# Section 4: records and files.


@dataclass
class Record:
    number: int
    first: int
    frontier: list
    raw_leaves: list
    leaves: list
    checkpoint: Checkpoint


def read_record(data):
    require(len(data) >= 6 and data[:4] == b"SGNL")
    if data[4] != 1 or data[5] != 1:
        raise Unsupported
    require(len(data) <= RECORD_BYTES_MAX)
    c = Cursor(data)
    c.take(6)
    number, first = c.number("Q"), c.between("Q", 0, SIZE_MAX)
    frontier = [c.take(32) for _ in levels(first)]
    raw = []
    for _ in range(c.between("I", 1, 2**32 - 1)):
        raw.append(c.take(c.number("H")))
    record = Record(number, first, frontier, raw, [read_leaf(one) for one in raw], None)
    record.checkpoint = read_checkpoint(c.take(c.number("H")))
    c.end()
    check_whole(record)
    return record


def check_whole(record):
    kinds = [leaf["kind"] for leaf in record.leaves]
    last = [kind in ("interval", "closing") for kind in kinds]
    require(last == [False] * (len(kinds) - 1) + [True])
    require([kind == "opening" for kind in kinds] == [record.first == 0] + [False] * (len(kinds) - 1))
    require(record.leaves[-1]["record"] == record.number <= record.first)
    require((record.number == 0) == (record.first == 0))
    require(record.checkpoint.size == record.first + len(kinds))
    if record.first == 0:
        cluster_id = record.leaves[0]["cluster_id"].encode("utf-8", "surrogateescape")
        require(record.checkpoint.cluster == cluster_part(cluster_id))


def write_record(number, tree, leaves, origin, secret):
    """The record of these leaves, signed by an Ed25519 private key; the tree has grown by them then."""
    data = b"SGNL\x01\x01" + struct.pack(">QQ", number, tree.size) + b"".join(one for _, one in tree.subtrees)
    for leaf in leaves:
        tree.append(leaf_hash(leaf))
    writer = secret.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    body = b"%s\n%d\n%s\n" % (origin, tree.size, base64.b64encode(tree.root()))
    signature = base64.b64encode(key_id(origin, writer) + secret.sign(body))
    note = body + b"\n" + DASH + b" " + origin + b" " + signature + b"\n"
    sized = [struct.pack(">H", len(part)) + part for part in (*leaves, note)]
    return data + struct.pack(">I", len(leaves)) + b"".join(sized)


def framed(record):
    sizes = struct.pack(">II", len(record), crc32c(record))
    return sizes + struct.pack(">I", crc32c(sizes)) + record


def is_signed(record):
    tree = Tree(record.first, record.frontier)
    for leaf in record.raw_leaves:
        tree.append(leaf_hash(leaf))
    checkpoint = record.checkpoint
    signed = sealed_batch.verify(checkpoint.writer, checkpoint.body, checkpoint.signature)
    return signed and tree.root() == checkpoint.root


def word_of(data, cluster_id, writers):
    """The word of section 6, rules 1 to 6, and the record when it is well-formed."""
    try:
        record = read_record(data)
    except Malformed:
        return "malformed record", None
    except Unsupported:
        return "unsupported record", None
    if record.checkpoint.cluster != cluster_part(cluster_id):
        return "foreign ledger", record
    if record.checkpoint.writer not in writers:
        return "unknown writer", record
    return ("authentic" if is_signed(record) else "altered record"), record


def read_file(data):
    """The records, and what stands behind the last good frame."""
    records = []
    while data:
        if len(data) < 12 or not any(data):
            return records, "torn"
        size, crc, header_crc = struct.unpack(">III", data[:12])
        if header_crc != crc32c(data[:8]) or not 1 <= size <= RECORD_BYTES_MAX:
            return records, "damaged"
        if len(data) < 12 + size:
            return records, "torn"
        if crc32c(data[12 : 12 + size]) != crc:
            return records, "torn" if len(data) == 12 + size else "damaged"
        records.append(data[12 : 12 + size])
        data = data[12 + size :]
    return records, "whole"
