# SPDX-License-Identifier: Apache-2.0
"""Runs spec/vectors with the Python implementation."""

import base64
import hashlib
import json
from pathlib import Path

import pytest

import kafka_batch as kafka
import reader
import sealed_batch as seal

ROOT = Path(__file__).resolve().parents[2] / "spec" / "vectors"
VECTORS = sorted(ROOT.glob("*/*.json"))


def context_of(vector):
    writers = [
        reader.Writer(
            bytes.fromhex(one["public_key"]),
            one["topics"],
            one.get("not_before"),
            one.get("not_after"),
            one.get("revoked", False),
            one.get("last_good", -1),
        )
        for one in vector["writers"]
    ]
    return reader.Context(
        vector["cluster_id"].encode(),
        bytes.fromhex(vector["topic_id"]),
        vector["topic"].encode(),
        vector["partition"],
        vector["timestamp_type"] == "LogAppendTime",
        vector["cut_over"],
        writers,
        [tuple(one) for one in vector["exceptions"]],
        [bytes.fromhex(secret) for secret in vector["recipient_secrets"]],
        vector["rows_topic"].encode() if "rows_topic" in vector else None,
    )


def described(finding):
    found = {"verdict": finding.verdict, "base": finding.base, "last": finding.last}
    if finding.expected is not None:
        found["expected"] = finding.expected
    if finding.missed is not None:
        found["missed"] = finding.missed
    if finding.accepted:
        found["accepted"] = True
    return found


def check_opened(finding, batch):
    if "opened_sha256" in batch:
        assert hashlib.sha256(finding.opened).hexdigest() == batch["opened_sha256"]
    elif "opened" in batch:
        assert finding.opened == base64.b64decode(batch["opened"])
    else:
        assert finding.opened is None


def run(vector):
    one = reader.Reader(context_of(vector))
    for fetch in vector["fetches"]:
        aborted = [tuple(entry) for entry in fetch["aborted"]] if "aborted" in fetch else None
        records = base64.b64decode(fetch["records"])
        findings = one.fetch(records, fetch["offset"], fetch.get("share_group", False), aborted)
        expected = [
            {name: value for name, value in batch.items() if not name.startswith("opened")}
            for batch in fetch["batches"]
        ]
        assert [described(finding) for finding in findings] == expected, fetch.get("label")
        for finding, batch in zip(findings, fetch["batches"]):
            check_opened(finding, batch)


@pytest.mark.parametrize("path", VECTORS, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_vector(path):
    run(json.loads(path.read_text()))


def test_there_are_vectors_of_every_verdict():
    words = {
        *reader.GOOD, *reader.POSITIONAL, "unsealed", "malformed", "unsupported", "unknown writer", "altered",
        "wrong place", "writer not trusted", "replayed", "outcome forged", "key unavailable", "unopenable",
    }  # fmt: skip
    assert {word.replace(" ", "-") for word in words} | {"exceptions"} == {path.parent.name for path in VECTORS}


# What C2SP publishes.


def test_xaes_published():
    nonce, plaintext = b"ABCDEFGHIJKLMNOPQRSTUVWX", b"XAES-256-GCM"
    first = seal.xaes_seal(b"\x01" * 32, nonce, plaintext, b"")
    second = seal.xaes_seal(b"\x03" * 32, nonce, plaintext, b"c2sp.org/XAES-256-GCM")
    assert first.hex() == "ce546ef63c9cc60765923609b33a9a1974e96e52daf2fcf7075e2271"
    assert second.hex() == "986ec1832593df5443a179437fd083bf3fdb41abd740a21f71eb769d"


def test_crc_of_the_check_string():
    assert kafka.crc32c(b"123456789") == 0xE3069283
