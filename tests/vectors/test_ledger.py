# SPDX-License-Identifier: Apache-2.0
"""Runs spec/vectors/ledger with the Python implementation."""

import base64
import hashlib
import json
from pathlib import Path

import pytest

import ledger
from ledger_reading import Holding, Reading

ROOT = Path(__file__).resolve().parents[2] / "spec" / "vectors" / "ledger"
RECORDS = sorted(path for path in ROOT.glob("*/*.json") if path.parent.name not in ("files", "readings"))
FILES = sorted(ROOT.glob("files/*.json"))
READINGS = sorted(ROOT.glob("readings/*.json"))
WORDS = {
    "authentic", "malformed record", "unsupported record", "foreign ledger", "unknown writer", "altered record",
}  # fmt: skip


def named(path):
    return f"{path.parent.name}/{path.stem}"


def described(record):
    return {
        "origin": record.checkpoint.origin.decode(),
        "number": record.number,
        "first": record.first,
        "size": record.checkpoint.size,
        "root": record.checkpoint.root.hex(),
        "leaves": record.leaves,
    }


@pytest.mark.parametrize("path", RECORDS, ids=named)
def test_records(path):
    vector = json.loads(path.read_text())
    writers = [bytes.fromhex(one) for one in vector["writers"]]
    for one in vector["records"]:
        word, record = ledger.word_of(base64.b64decode(one["record"]), vector["cluster_id"].encode(), writers)
        assert word == one["word"], one["label"]
        assert word.replace(" ", "-") == path.parent.name
        if word == "authentic":
            expected = {name: value for name, value in one.items() if name not in ("label", "record", "word")}
            assert described(record) == expected, one["label"]


@pytest.mark.parametrize("path", FILES, ids=named)
def test_files(path):
    for one in json.loads(path.read_text())["files"]:
        records, end = ledger.read_file(base64.b64decode(one["file"]))
        assert (len(records), end) == (one["records"], one["end"]), one["label"]


def in_some_order(told):
    return sorted(json.dumps(one, sort_keys=True) for one in told)


def shown(entry):
    one = {name: getattr(entry, name) for name in ("topic_id", "partition", "base", "last", "seal_id", "word")}
    if entry.moved:
        one["moved_to"] = list(entry.moved)
    if not entry.acks_all and entry.word in ("moved", "rolled back", "truncated", "missing"):
        one["acks_1_permits_it"] = True
    return one


@pytest.mark.parametrize("path", READINGS, ids=named)
def test_readings(path):
    vector = json.loads(path.read_text())
    for given in vector["readings"]:
        reading = Reading(vector["cluster_id"].encode(), given)
        for file in given["ledgers"]:
            records, end = ledger.read_file(base64.b64decode(file))
            assert end == "whole"
            for record in records:
                reading.take(record)
        reading.judge()
        assert reading.words == given["words"], given["label"]
        assert in_some_order(reading.told) == in_some_order(given["told"]), given["label"]
        holding = Holding(reading)
        assert in_some_order(map(shown, holding.run())) == in_some_order(given["entries"]), given["label"]
        for partition in given["partitions"]:
            for batch in partition["batches"]:
                assert holding.word_of_stored(partition, batch) == batch.get("word"), given["label"]


def test_there_are_readings_of_every_word():
    """Of section 7.4, and those that are no findings."""
    words = set()
    for path in READINGS:
        for given in json.loads(path.read_text())["readings"]:
            words |= set(given["words"]) | {one["word"] for one in given["told"] + given["entries"]}
            words |= {batch["word"] for one in given["partitions"] for batch in one["batches"] if "word" in batch}
    assert words >= {
        "authentic", "malformed record", "unknown writer", "altered record", "writer not trusted",
        "ledger head gone", "ledger head expired", "ledger gap", "forked ledger", "stale ledger", "retired alive",
        "clock stepped back", "clock ahead", "right", "resolved duplicate", "deleted", "expired", "moved", "rolled back",
        "altered", "truncated", "missing", "extra", "not yet", "not covered",
    }  # fmt: skip


def test_there_are_vectors_of_every_word():
    assert {word.replace(" ", "-") for word in WORDS} | {"files", "readings"} == {path.name for path in ROOT.iterdir()}


def test_a_log_is_one_tree():
    """What the frontiers say, against the recursion of RFC 6962 over every leaf of the log."""
    for name in ("one_log", "frontiers"):
        hashes = []
        for one in json.loads((ROOT / "authentic" / f"{name}.json").read_text())["records"]:
            record = ledger.read_record(base64.b64decode(one["record"]))
            assert record.first == len(hashes)
            assert ledger.Tree(record.first, record.frontier).root() == ledger.tree_hash(hashes)
            hashes += [ledger.leaf_hash(leaf) for leaf in record.raw_leaves]
            assert record.checkpoint.root == ledger.tree_hash(hashes)


def test_every_byte_counts():
    vector = json.loads((ROOT / "authentic" / "one_log.json").read_text())
    writers = [bytes.fromhex(one) for one in vector["writers"]]
    data = base64.b64decode(vector["records"][1]["record"])
    for at in range(len(data)):
        changed = bytearray(data)
        changed[at] ^= 1
        assert ledger.word_of(bytes(changed), vector["cluster_id"].encode(), writers)[0] != "authentic", at


def test_key_id_published():
    """The key in the documentation of Go's golang.org/x/mod/sumdb/note."""
    public_key = base64.b64decode("ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW")[1:]
    assert ledger.key_id(b"PeterNeumann", public_key).hex() == "c74f20a3"


def test_tree_published():
    """The leaves and roots of Certificate Transparency's reference implementation."""
    leaves = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"]
    hashes = [ledger.leaf_hash(bytes.fromhex(leaf)) for leaf in leaves]
    assert ledger.tree_hash([]) == hashlib.sha256().digest()
    assert ledger.tree_hash(hashes[:3]).hex() == "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77"
    assert ledger.tree_hash(hashes).hex() == "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"
