# SPDX-License-Identifier: Apache-2.0
"""What one implementation seals the other opens; and of batches spoilt at random both say the same."""

import base64
import json
import os
import random
import subprocess
from pathlib import Path

import pytest
from nacl.public import PrivateKey

import kafka_batch as kafka
import reader
import sealed_batch as seal
from test_vectors import ROOT, VECTORS, context_of, described, run

SEED = int(os.environ.get("SIGNET_SEED", random.randrange(2**31)))
CLUSTER, TOPIC, PARTITION, NOW = "MkU3OEVBNTcwNTJENDM2Qk", "orders", 3, 1764000000000


def program(name):
    """The newest build; SIGNET_BUILD names another build directory."""
    folders = [os.environ["SIGNET_BUILD"]] if os.environ.get("SIGNET_BUILD") else ["build", "build/sanitize"]
    built = [ROOT.parents[1] / folder / "tests" / name for folder in folders]
    found = max((path for path in built if path.exists()), key=lambda path: path.stat().st_mtime, default=None)
    if not found:
        pytest.fail(f"{name} is not built: cmake --preset sanitize && cmake --build build/sanitize")
    return found


@pytest.fixture
def rng(request):
    print("SIGNET_SEED =", SEED)
    return random.Random(f"{SEED} {request.node.name}")


def opened_by_c(vector):
    """For each fetch: the findings, and all that came out."""
    result = subprocess.run([program("open_batch")], input=json.dumps(vector), capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    return [(line["findings"], base64.b64decode(line["opened"])) for line in map(json.loads, result.stdout.splitlines())]


def opened_by_python(vector):
    one = reader.Reader(context_of(vector))
    for fetch in vector["fetches"]:
        aborted = [tuple(entry) for entry in fetch["aborted"]] if "aborted" in fetch else None
        share_group = fetch.get("share_group", False)
        findings = one.fetch(base64.b64decode(fetch["records"]), fetch["offset"], share_group, aborted)
        bad = [described(finding) for finding in findings if finding.verdict not in reader.GOOD]
        yield bad, b"".join(finding.opened or b"" for finding in findings)


class Sealed:
    """A vector in the making, sealed by Python."""

    def __init__(self, rng):
        self.rng = rng
        self.topic_id = rng.randbytes(16)
        keys = [PrivateKey(rng.randbytes(32)) for _ in range(rng.randint(1, 4))]
        recipients = [bytes(key.public_key) for key in keys]
        self.secret = bytes(rng.choice(keys))
        self.streams = [
            seal.Stream(rng.randbytes(32), CLUSTER, self.topic_id, TOPIC, PARTITION, recipients) for _ in range(2)
        ]
        self.listed = []

    def vector(self, *fetches):
        return {
            "cluster_id": CLUSTER,
            "topic_id": self.topic_id.hex(),
            "topic": TOPIC,
            "partition": PARTITION,
            "timestamp_type": "CreateTime",
            "cut_over": 0,
            "writers": [{"public_key": stream.writer.hex(), "topics": ["ord*s"]} for stream in self.streams],
            "exceptions": [],
            "recipient_secrets": [self.secret.hex()],
            "fetches": [
                {"offset": offset, "records": base64.b64encode(records).decode()} for offset, records in fetches
            ],
        }

    def timestamp(self):
        return self.rng.choice([-1, NOW, NOW + self.rng.randrange(10**6), self.rng.randrange(-(2**63), 2**63)])

    def batch(self):
        rng = self.rng
        codec, count = rng.randrange(5), rng.choice([1, 2, 3, rng.randint(1, 70), rng.randint(1, 9000)])
        plain = b"".join(
            kafka.Record(0, index, index, None, rng.randbytes(rng.randrange(20)), ()).write() for index in range(count)
        )
        producer = rng.choice([-1, rng.randrange(2**62)])
        return kafka.Batch(
            0,
            -1,
            codec | (kafka.TRANSACTIONAL if producer >= 0 and rng.random() < 0.5 else 0),
            count - 1,
            self.timestamp(),
            self.timestamp(),
            producer,
            rng.randrange(2**15) if producer >= 0 else -1,
            rng.randrange(2**31) if producer >= 0 else -1,
            count,
            kafka.compress(codec, plain),
        )

    def seal(self, offset):
        """The outer batch as a broker has it, and what it must open to."""
        rng, stream, batch = self.rng, self.rng.choice(self.streams), self.batch()
        compress_stubs = rng.choice([None, None, True, False])
        principal = rng.choice([b"", "User:Bjørk".encode()])
        listed = rng.sample(self.listed, min(len(self.listed), 32))
        outer = stream.seal(batch, NOW, principal, listed, compress_stubs)
        if rng.random() < 0.3:
            outer = recompressed(outer, rng.randrange(5))
        placed = {"base_offset": offset, "leader_epoch": rng.randrange(100)}
        outer = outer.with_(**placed)
        self.listed.append(predecessor_of(outer))
        return outer, batch.with_(**placed).write()


def envelope_of(outer):
    plain = kafka.decompress(outer.codec, outer.records, 10**9)
    return seal.read_envelope(kafka.read_record(kafka.Cursor(plain)).value)


def predecessor_of(outer):
    envelope = envelope_of(outer)
    return seal.Predecessor(outer.base_offset, envelope.seal_id[:8], envelope.header.own_producer_hash())


def recompressed(outer, codec):
    """As a broker does it: from the records, of which each has the largest timestamp."""
    envelope = envelope_of(outer)
    value = envelope.header_bytes + envelope.sealed + envelope.signature
    records = b"".join(seal.outer_records(value, outer.record_count, 0))
    return outer.with_(
        attributes=outer.attributes & ~kafka.CODEC_MASK | codec,
        base_timestamp=outer.max_timestamp,
        records=kafka.compress(codec, records),
    )


@pytest.mark.parametrize("number", range(12))
def test_python_seals_and_c_opens(rng, number):
    made, offset, stored, expected = Sealed(rng), rng.randrange(10**9), b"", b""
    first = offset
    for _ in range(rng.randint(1, 8)):
        outer, inner = made.seal(offset)
        stored += outer.write()
        expected += inner
        offset = outer.last_offset + 1
    ((findings, opened),) = opened_by_c(made.vector((first, stored)))
    assert findings == []
    assert opened == expected


def test_c_seals_and_python_opens(rng, tmp_path):
    subprocess.run([program("seal_random"), str(tmp_path), "12", str(rng.randrange(2**31))], check=True)
    paths = list(Path(tmp_path).glob("random/*.json"))
    assert len(paths) == 12
    for path in paths:
        run(json.loads(path.read_text()))


def spoilt(rng, batch):
    """Changed somewhere, in any of many ways, with the CRC right again most of the time."""
    data = bytearray(batch)
    for _ in range(rng.choice([1, 1, 1, 2])):
        kind = rng.randrange(5)
        at = rng.randrange(len(data)) if kind else rng.randrange(min(len(data), 70))
        if kind < 3:
            data[at] ^= 1 << rng.randrange(8)
        elif kind == 3:
            data[at] = rng.randrange(256)
        else:
            del data[at : at + rng.randint(1, 9)]
    if len(data) > 61 and rng.random() < 0.95:
        data[8:12] = (len(data) - 12).to_bytes(4, "big") if rng.random() < 0.9 else data[8:12]
        data[17:21] = kafka.crc32c(data[21:]).to_bytes(4, "big")
    return bytes(data)


def too_large(raw):
    batch = kafka.read_batch(raw)
    try:
        kafka.decompress(batch.codec, batch.records, reader.outer_bound(batch))
    except kafka.TooLarge:
        return True
    except kafka.Malformed:
        pass
    return False


def may_differ(records, python, c):
    """Rules 4 and 5: damage to compressed records need not be met by an opener that does not decompress them to their end."""
    compressed = [raw for raw, magic in kafka.split(records) if magic == 2 and raw[22] & kafka.CODEC_MASK]
    if c[0] and c[0][-1]["verdict"] == "malformed" and any(too_large(raw) for raw in compressed):
        return True
    return bool(compressed) and bool(python[0]) and python[0][-1]["verdict"] in ("malformed", "altered")


# Large logs say nothing more when they are spoilt, and take long.
SMALL = [path for path in VECTORS if path.stat().st_size < 40_000]


@pytest.mark.parametrize("path", SMALL, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_both_say_the_same_of_what_is_spoilt(rng, path):
    vector = json.loads(path.read_text())
    fetch = rng.choice(vector["fetches"])
    records = base64.b64decode(fetch["records"])
    batches = [raw for raw, _ in kafka.split(records)]
    vector["fetches"] = []
    for _ in range(40):
        changed = list(batches)
        for _ in range(rng.randint(0, 2)):
            one, other = rng.randrange(len(changed)), rng.randrange(len(changed))
            kind = rng.randrange(6)
            if kind < 3:
                changed[one] = spoilt(rng, changed[one])
            elif kind == 3:
                changed[one], changed[other] = changed[other], changed[one]
            elif kind == 4:
                changed.insert(one, changed[other])
            elif len(changed) > 1:
                del changed[one]
        offset = fetch["offset"] if rng.random() < 0.8 else rng.randrange(20)
        changes = {"offset": offset, "records": base64.b64encode(b"".join(changed)).decode()}
        vector["fetches"].append(fetch | changes)
    c = opened_by_c(vector)
    for number, python in enumerate(opened_by_python(vector)):
        if python != c[number] and may_differ(base64.b64decode(vector["fetches"][number]["records"]), python, c[number]):
            return
        assert python == c[number], f"SIGNET_SEED={SEED} fetch {number}"
