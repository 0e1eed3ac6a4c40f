# SPDX-License-Identifier: Apache-2.0
"""What attackers do to ledgers: each gets copies of the ledgers' folders, and says which of them are verified instead.

Ledgers are read, and signed anew where the attacker has the writer's key, by the second implementation.
"""

import glob
import itertools
import os
import shutil
import struct

import ledger
from acts import Act
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from keeper import FRAME_HEADER, frames

BATCH, RECORDS_DELETED = 3, 5  # Kinds of leaves: spec/ledger.md, section 3.


class Accounts(Act):
    """`change` is given the scene, the place and the file of the one log of gateway `of`, and writes to it.

    data: an act on what is stored, which it is to hide.
    """

    def __init__(self, change, of="a", data=None):
        self.change, self.of, self.data = change, of, data or Act()
        self.goes_on = self.data.goes_on

    def running(self, scene, place):
        self.data.running(scene, place)

    def stopped(self, scene, place):
        self.data.stopped(scene, place)

    def ledgers(self, scene, place):
        folder = scene.scratch()
        for letter, gateway in scene.gateways.items():
            shutil.copytree(gateway.ledger_directory, os.path.join(folder, letter))
        [path] = glob.glob(os.path.join(folder, self.of, "*.ledger"))
        self.change(scene, place, path)
        return [os.path.join(folder, letter) for letter in scene.gateways if os.listdir(os.path.join(folder, letter))]


def _write(path, parts):
    with open(path, "wb") as file:
        file.write(b"".join(parts))


def arranging_records(arrange):
    """The file's records become others, none of them changed."""
    def change(scene, place, path):
        _write(path, arrange(frames(path)))
    return change


def without_last_bytes(count):
    def change(scene, place, path):
        os.truncate(path, os.path.getsize(path) - count)
    return change


def without_file(scene, place, path):
    os.unlink(path)


def adding_file(of):
    """`of` gives the ledger of somebody else's from the scene."""
    def change(scene, place, path):
        [other] = glob.glob(os.path.join(of(scene), "*.ledger"))
        shutil.copy(other, os.path.join(os.path.dirname(path), "other.ledger"))
    return change


def flipping_a_time(repair):
    """Of the first record's last leaf, whose time is another then; `repair`: the frame's CRC too."""
    def change(scene, place, path):
        first, *others = frames(path)
        leaf = _read(first).raw_leaves[-1]
        record = first[FRAME_HEADER:].replace(leaf, leaf[:16] + bytes([leaf[16] ^ 1]) + leaf[17:])
        _write(path, [ledger.framed(record) if repair else first[:FRAME_HEADER] + record, *others])
    return change


def _read(frame):
    return ledger.read_record(frame[FRAME_HEADER:])


def _is_about(scene, place, leaf, base=None):
    about = leaf["kind"] == "batch" and leaf["topic_id"] == scene.topic_id(place).hex() and leaf["partition"] == place[1]
    return about and base in (None, leaf["base"])


def without_records_about(scene, place, path):
    """All records that name the place are gone."""
    _write(path, [frame for frame in frames(path)
                  if not any(_is_about(scene, place, leaf) for leaf in _read(frame).leaves)])


def cut_before(base):
    """The log ends before the record that enters a batch."""
    def change(scene, place, path):
        kept = itertools.takewhile(
            lambda frame: not any(_is_about(scene, place, leaf, base) for leaf in _read(frame).leaves), frames(path))
        _write(path, list(kept))
    return change


def _without_leaf(scene, place, base=None):
    return lambda record: [raw for raw, leaf in zip(record.raw_leaves, record.leaves)
                           if not _is_about(scene, place, leaf, base)]


def renaming_entries(scene, place, path):
    """In all records that name the place its entries come to name another topic; CRCs are repaired, signatures are not."""
    topic_id = scene.topic_id(place)
    _write(path, [ledger.framed(frame[FRAME_HEADER:].replace(topic_id, bytes(15) + b"1")) for frame in frames(path)])


# What a gateway that lies does with its own log: all of it is signed, and nothing shows that it was ever another.


def _signed_anew(scene, path, writer, leaves_of):
    secret, tree, made = Ed25519PrivateKey.from_private_bytes(scene.secret(writer)), ledger.Tree(), []
    for frame in frames(path):
        record = _read(frame)
        made.append(ledger.framed(ledger.write_record(record.number, tree, leaves_of(record), record.checkpoint.origin, secret)))
    return made


def lying_by_omission(base):
    def change(scene, place, path):
        _write(path, _signed_anew(scene, path, "gateway-b", _without_leaf(scene, place, base)))
    return change


def _adding(leaf):
    """To the first record that has entries, before its last leaf."""
    done = []

    def leaves_of(record):
        if done or record.number == 0:
            return record.raw_leaves
        done.append(True)
        return [*record.raw_leaves[:-1], leaf, record.raw_leaves[-1]]
    return leaves_of


def lying_about(base, records=3):
    """It enters a batch that nobody sent."""
    def change(scene, place, path):
        leaf = struct.pack(">B16siqibB32sqhiqI", BATCH, scene.topic_id(place), place[1], base, records - 1, -1, 0, os.urandom(32),
                           -1, -1, -1, 0, 1000)
        _write(path, _signed_anew(scene, path, "gateway-b", _adding(leaf)))
    return change


def lying_about_deletion(low_watermark):
    """It says that a client deleted records through it."""
    def change(scene, place, path):
        leaf = struct.pack(">Bq16siq", RECORDS_DELETED, 0, scene.topic_id(place), place[1], low_watermark)
        _write(path, _signed_anew(scene, path, "gateway-b", _adding(leaf)))
    return change


def forking(scene, place, path):
    """A second account of the same log, which leaves out the place, stands beside the first."""
    other = _signed_anew(scene, path, "gateway-b", _without_leaf(scene, place))
    _write(os.path.join(os.path.dirname(path), "other.ledger"), other)
