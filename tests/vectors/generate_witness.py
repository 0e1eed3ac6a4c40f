#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes spec/vectors/witness (spec/vectors/README.md) by ledger.py alone. Run by hand; the output is committed, and is the same every time."""

import base64
import json
from pathlib import Path

import ledger
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

ROOT = Path(__file__).resolve().parents[2] / "spec" / "vectors" / "witness"
CLUSTER = b"MkU3OEVBNTcwNTJENDM2Qk"
NOW = 1767225600
NAME = b"witness.example.com/w1"
DASH = ledger.DASH + b" "


def key(number):
    return Ed25519PrivateKey.from_private_bytes(bytes([number]) * 32)


def public(secret):
    return secret.public_key().public_bytes_raw()


WRITER, OTHER, REVOKED, WITNESS, SECOND = (key(number) for number in range(1, 6))


def origin_of(writer=WRITER, cluster=CLUSTER, instance=bytes(15) + b"\x01"):
    return b"signet.ledger/v1/%s/%s/%s" % (ledger.cluster_part(cluster), public(writer).hex().encode(), instance.hex().encode())


def log_line(origin, body, writer=WRITER):
    return DASH + origin + b" " + base64.b64encode(ledger.key_id(origin, public(writer)) + writer.sign(body)) + b"\n"


def witness_line(body, time=NOW, witness=WITNESS, name=NAME):
    signature = ledger.witness_key_id(name, public(witness)) + time.to_bytes(8, "big")
    signature += witness.sign(ledger.cosigned_message(body, time))
    return DASH + name + b" " + base64.b64encode(signature) + b"\n"


class Log:
    """Leaves by their hashes; a branch shares those before it."""

    def __init__(self, origin=None, writer=WRITER, branch=b"", size=40, hashes=()):
        self.origin, self.writer = origin or origin_of(writer), writer
        self.hashes = [*hashes, *(ledger.leaf_hash(branch + b"%d" % i) for i in range(len(hashes), size))]

    def body(self, size):
        return b"%s\n%d\n%s\n" % (self.origin, size, base64.b64encode(ledger.tree_hash(self.hashes[:size])))

    def note(self, size, writer=None):
        body = self.body(size)
        return body + b"\n" + log_line(self.origin, body, writer or self.writer)

    def submission(self, old, size, **others):
        proof = ledger.consistency_proof(old, self.hashes[:size]) if old < size else []
        return ledger.submission(old, others.get("proof", proof), others.get("note", self.note(size)))


def write(name, content):
    (ROOT / name).parent.mkdir(exist_ok=True)
    (ROOT / name).write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n")


def text(data):
    return base64.b64encode(data).decode()


def submissions():
    """One witness that starts with nothing, and what it answers to each of these in turn."""
    log, branch = Log(), Log(branch=b"other", hashes=Log().hashes[:7])
    second = Log(origin_of(instance=bytes(15) + b"\x02"))
    good = log.submission(0, 3)
    answers = []

    def step(label, body, answer, size=None, at=None):
        one = {"label": label, "body": text(body), "answer": answer}
        if answer == "cosigned":
            one["cosignature"] = text(witness_line(at))
        if size is not None:
            one["size"] = size
        answers.append(one)

    step("another size than none", log.submission(2, 3), "other-size", 0)
    step("a proof where there is nothing to prove", log.submission(0, 3, proof=[bytes(32)]), "unproven")
    step("the first", good, "cosigned", at=log.body(3))
    step("the same as if it were the first", good, "other-size", 3)
    step("the same again", log.submission(3, 3), "cosigned", at=log.body(3))
    step("the same with a proof", log.submission(3, 3, proof=[bytes(32)]), "unproven")
    for old, size in ((3, 4), (4, 7), (7, 8), (8, 9), (9, 24)):
        step(f"from {old} to {size}", log.submission(old, size), "cosigned", at=log.body(size))
    step("another root at the same size", branch.submission(24, 24), "fork", 24)
    step("the same, as if it were from another size", branch.submission(7, 24), "fork", 24)
    step("another branch, from where it began", branch.submission(7, 30), "other-size", 24)
    step("another branch, with its own proof", branch.submission(24, 30), "unproven")
    step("another branch, with the proof of this one", branch.submission(24, 30, proof=ledger.consistency_proof(24, log.hashes[:30])), "unproven")
    step("rolled back", log.submission(9, 20), "other-size", 24)
    step("rolled back, from the size that is known", log.submission(24, 20), "shrunk")
    proof = ledger.consistency_proof(24, log.hashes[:25])
    step("no proof", log.submission(24, 25, proof=[]), "unproven")
    step("a proof that is too short", log.submission(24, 25, proof=proof[:-1]), "unproven")
    step("a proof that is too long", log.submission(24, 25, proof=[*proof, bytes(32)]), "unproven")
    step("a proof out of order", log.submission(24, 25, proof=proof[::-1]), "unproven")
    for at in range(len(proof)):
        bent = [one if i != at else bytes([one[0] ^ 1]) + one[1:] for i, one in enumerate(proof)]
        step(f"hash {at} of the proof changed", log.submission(24, 25, proof=bent), "unproven")
    step("another log of the same writer", second.submission(0, 1), "cosigned", at=second.body(1))
    body = log.body(25)
    lines = log_line(log.origin, body)
    step("no signature of the log", log.submission(24, 25, note=body + b"\n" + witness_line(body)), "unsigned")
    step("signed by another writer", log.submission(24, 25, note=log.note(25, OTHER)), "unsigned")
    step("a signature of another size", log.submission(24, 25, note=body + b"\n" + log_line(log.origin, log.body(24))), "unsigned")
    step("one right and one wrong", log.submission(24, 25, note=body + b"\n" + lines + log_line(log.origin, log.body(24))), "unsigned")
    step("with lines of others", log.submission(24, 25, note=body + b"\n" + witness_line(body, witness=SECOND, name=b"w2") + lines), "cosigned", at=body)
    for label, other in (("of an unknown writer", Log(writer=OTHER)), ("of a revoked writer", Log(writer=REVOKED)),
                         ("of another cluster", Log(origin_of(cluster=b"other")))):
        step(label, other.submission(0, 3), "unknown-log")
    step("of no ledger", Log(b"example.com/log").submission(0, 3), "unknown-log")
    head, note = good.split(b"\n\n", 1)
    for label, bad in (
            ("empty", b""), ("no line", b"old 0"), ("no empty line", head + b"\n" + note), ("no checkpoint", b"old 0\n\n"),
            ("no old size", b"\n" + note), ("old size without digits", b"old \n\n" + note), ("old size with a sign", b"old +0\n\n" + note),
            ("old size with a leading zero", b"old 00\n\n" + note), ("old size with a space", b"old 0 \n\n" + note),
            ("old size too large", b"old 9223372036854775808\n\n" + note), ("old size of many digits", b"old 18446744073709551616\n\n" + note),
            ("another word", b"new 0\n\n" + note), ("carriage returns", good.replace(b"\n", b"\r\n")),
            ("a hash too short", b"old 1\nAAAA\n\n" + note), ("no base64", b"old 1\n" + b"!" * 44 + b"\n\n" + note),
            ("unused bits", b"old 1\n" + b"A" * 42 + b"B=\n\n" + note),
            ("64 hashes", ledger.submission(1, [bytes(32)] * 64, note)), ("a checkpoint of no leaves", good.replace(b"\n3\n", b"\n0\n")),
            ("bytes behind it", good + b"x"), ("two checkpoints", good + note), ("an extension line", good.replace(b"=\n\n", b"=\nx\n\n"))):
        step(label, bad, "malformed")
    step("63 hashes", ledger.submission(1, [bytes(32)] * 63, log.note(40)), "other-size", 25)
    step("and it goes on", log.submission(25, 40), "cosigned", at=log.body(40))
    write("submissions/steps.json", {
        "comment": "one witness that starts with nothing, and its answers in turn",
        "cluster_id": CLUSTER.decode(), "writers": [public(WRITER).hex()], "revoked": [public(REVOKED).hex()], "now": NOW,
        "name": NAME.decode(), "seed": "04" * 32, "key": ledger.witness_key_text(NAME, public(WITNESS)).decode(), "steps": answers})


def cosigned():
    log = Log()
    body, note = log.body(12), log.note(12)
    line, later = witness_line(body), witness_line(body, NOW + 60)
    bent = witness_line(log.body(13))
    other_time = base64.b64encode(ledger.witness_key_id(NAME, public(WITNESS)) + (NOW + 1).to_bytes(8, "big") + base64.b64decode(line.split()[2])[12:])
    short = base64.b64encode(base64.b64decode(line.split()[2])[:-1])
    plain = base64.b64encode(ledger.witness_key_id(NAME, public(WITNESS)) + WITNESS.sign(body))
    far = (2**63).to_bytes(8, "big")
    too_late = base64.b64encode(ledger.witness_key_id(NAME, public(WITNESS)) + far + WITNESS.sign(ledger.cosigned_message(body, 2**63)))
    write("cosigned/notes.json", {
        "comment": "checkpoints as somebody reads them who knows one witness",
        "key": ledger.witness_key_text(NAME, public(WITNESS)).decode(),
        "notes": [{"label": label, "note": text(data), "result": result, "time": time} for label, data, result, time in (
            ("cosigned", note + line, "cosigned", NOW), ("twice", note + line + later, "cosigned", NOW + 60),
            ("the latest is not last", note + later + line, "cosigned", NOW + 60),
            ("at the beginning of time", note + witness_line(body, 0), "cosigned", 0),
            ("at the end of time", note + witness_line(body, 2**63 - 1), "cosigned", 2**63 - 1),
            ("by another too", note + witness_line(body, witness=SECOND, name=b"w2") + line, "cosigned", NOW),
            ("by nobody", note, "none", None), ("by another", note + witness_line(body, witness=SECOND, name=b"w2"), "none", None),
            ("by another of that name", note + witness_line(body, witness=SECOND), "none", None),
            ("by that key under another name", note + witness_line(body, name=b"w2"), "none", None),
            ("of another size", note + bent, "refused", None), ("once right, once wrong", note + line + bent, "refused", None),
            ("at another time than is signed", note + DASH + NAME + b" " + other_time + b"\n", "refused", None),
            ("too short", note + DASH + NAME + b" " + short + b"\n", "refused", None),
            ("without a time", note + DASH + NAME + b" " + plain + b"\n", "refused", None),
            ("behind the end of time", note + DASH + NAME + b" " + too_late + b"\n", "refused", None))]})


def keys():
    good = ledger.witness_key_text(NAME, public(WITNESS))
    name, number, encoded = good.split(b"+", 2)
    longest = b"n" * 255
    write("keys/keys.json", {
        "comment": "verifier keys of witnesses, and what a reader makes of them",
        "keys": [{"label": label, "key": data.decode(), "result": result} for label, data, result in (
            ("good", good, "good"), ("the longest name", ledger.witness_key_text(longest, public(WITNESS)), "good"),
            ("a name too long", ledger.witness_key_text(longest + b"n", public(WITNESS)), "malformed"),
            ("no name", ledger.witness_key_text(b"", public(WITNESS)), "malformed"),
            ("a name with a space", ledger.witness_key_text(b"a b", public(WITNESS)), "malformed"),
            ("empty", b"", "malformed"), ("a name alone", name, "malformed"), ("no key", name + b"+" + number + b"+", "malformed"),
            ("another key's id", name + b"+" + b"00000000+" + encoded, "checksum"),
            ("another name", b"w2+" + number + b"+" + encoded, "checksum"),
            ("an id too short", name + b"+" + number[:-1] + b"+" + encoded, "malformed"),
            ("a key of a log", b"%s+%s+%s" % (name, ledger.key_id(name, public(WITNESS)).hex().encode(), base64.b64encode(b"\x01" + public(WITNESS))), "unsupported"),
            ("too short", name + b"+" + number + b"+" + encoded[:-4], "malformed"), ("too long", good + b"AAAA", "malformed"),
            ("of small order", ledger.witness_key_text(NAME, bytes([1]) + bytes(31)), "malformed"))]})


def consistency():
    """Of every two sizes up to 20, over the leaves 0, 1, 2, ... as decimal text."""
    hashes = Log(size=20).hashes
    write("consistency/proofs.json", {
        "comment": "proofs between all sizes up to 20; leaf i is the decimal text of i",
        "roots": [ledger.tree_hash(hashes[:size]).hex() for size in range(21)],
        "proofs": [{"old": old, "size": size, "proof": [one.hex() for one in ledger.consistency_proof(old, hashes[:size])]}
                   for size in range(1, 21) for old in range(size + 1)]})


if __name__ == "__main__":
    ROOT.mkdir(exist_ok=True)
    submissions()
    cosigned()
    keys()
    consistency()
