# SPDX-License-Identifier: Apache-2.0
"""The vectors of spec/vectors/witness by ledger.py, and what is published elsewhere."""

import base64
import json
from pathlib import Path

import ledger
import pytest

ROOT = Path(__file__).resolve().parents[2] / "spec" / "vectors" / "witness"


def vector(name):
    return json.loads((ROOT / name).read_text())


def test_cosignatures():
    content = vector("cosigned/notes.json")
    name, key = ledger.read_witness_key(content["key"].encode())
    for one in content["notes"]:
        note = base64.b64decode(one["note"])
        body, lines = note[: note.index(b"\n\n") + 1], note[note.index(b"\n\n") + 2 :].splitlines(True)
        ours = [line for line in lines if line.split()[1] == name
                and base64.b64decode(line.split()[2])[:4] == ledger.witness_key_id(name, key)]
        try:
            times = [ledger.cosignature_time(line, body, name, key) for line in ours]
            result = "cosigned" if times and max(times) < 2**63 else "refused" if times else "none"
        except ledger.Malformed:
            result = "refused"
        assert result == one["result"], one["label"]
        assert result != "cosigned" or max(times) == one["time"], one["label"]


def test_answers_are_cosigned():
    content = vector("submissions/steps.json")
    name, key = ledger.read_witness_key(content["key"].encode())
    done = [one for one in content["steps"] if one["answer"] == "cosigned"]
    assert len(done) > 5
    for one in done:
        note = base64.b64decode(one["body"]).split(b"\n\n", 1)[1]
        line = base64.b64decode(one["cosignature"])
        assert ledger.cosignature_time(line, note[: note.index(b"\n\n") + 1], name, key) == content["now"], one["label"]


@pytest.mark.parametrize("old, size, proof", (
    (1, 8, ("96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4")),
    (6, 8, ("0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
            "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7")),
    (2, 5, ("5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b")),
))  # fmt: skip
def test_proofs_published(old, size, proof):
    """Those of Certificate Transparency's reference implementation."""
    leaves = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"]
    hashes = [ledger.leaf_hash(bytes.fromhex(leaf)) for leaf in leaves[:size]]
    assert [one.hex() for one in ledger.consistency_proof(old, hashes)] == list(proof)
