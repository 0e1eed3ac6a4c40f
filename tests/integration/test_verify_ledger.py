# SPDX-License-Identifier: Apache-2.0
"""`signet verify --ledger` on what a gateway kept: silent where nothing is wrong, and every attack on its files by name."""

import json
import os
import pathlib
import re
import shutil
import time

import exchange
import ledger
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from gateway import signet
from processes import eventually
from keeper import FRAME_HEADER, INTERVAL_MS, Keeper, frames

pytestmark = pytest.mark.timeout(240)

GOOD, FINDING, USAGE, NO_ANSWER = 0, 1, 2, 3


@pytest.fixture(scope="module")
def kept(tmp_path_factory, kafka):
    """A gateway that has ended in order, and one topic that it sealed."""
    gateway = Keeper(tmp_path_factory.mktemp("kept"), kafka)
    with gateway:
        endpoint = gateway.endpoint()
        gateway.topic = endpoint.topic("kept")
        for _ in range(4):
            exchange.send(endpoint, "librdkafka", gateway.topic, exchange.plain_records(5))
            time.sleep(2 * INTERVAL_MS / 1000)
    return gateway


class Verified:
    def __init__(self, gateway, *paths, ledgers=(), options=()):
        options = [*options, *(part for ledger in ledgers for part in ("--ledger", ledger))]
        done = signet("verify", "--config", gateway.config_path, *options, "--json", *paths, check=False)
        assert "Sanitizer" not in done.stderr, done.stderr
        self.code, self.stderr = done.returncode, done.stderr
        self.answer = json.loads(done.stdout)
        assert (self.answer["intact"], self.answer["bad"]) == (self.code == GOOD, self.code == FINDING)

    def words(self):
        return [(f["word"], f["first-record"], f["last-record"]) for f in self.answer["ledger"]["findings"]]


@pytest.fixture
def copy(kept, tmp_path):
    """The folder of the ledger, its only file, and the frames in it."""
    folder = shutil.copytree(kept.ledger_directory, tmp_path / "copy")
    (path,) = folder.glob("*.ledger")
    return folder, path, frames(path)


def rewrite(path, parts):
    path.write_bytes(b"".join(parts))


def test_honest(kept, copy, kafka):
    folder, path, all_frames = copy
    for ledgers in ((folder,), (path,), (folder, path)):
        verified = Verified(kept, ledgers=ledgers)
        assert (verified.code, verified.words()) == (GOOD, []), verified.answer
    both = Verified(kept, kafka.partition(kept.topic, 0), ledgers=(folder,))
    assert (both.code, both.words(), both.answer["partitions"]["verified"]) == (GOOD, [], 1)
    assert both.answer["ledger"]["intact"] and both.answer["ledger"]["records"] == len(all_frames)
    told = signet("verify", "--config", kept.config_path, "--ledger", folder)
    assert re.search(r"ledger +1 logs, %d authentic records, [1-9]\d* batches entered" % len(all_frames), told.stdout)


def test_a_living_ledger(tmp_path, kafka):
    """One that is being written is neither stale nor damaged; killed, it is stale until the next process retires it."""
    gateway = Keeper(tmp_path, kafka).start()
    eventually(lambda: gateway.logs() and all(len(records) > 2 for records in gateway.logs().values()))
    for _ in range(10):
        alive = Verified(gateway, ledgers=(gateway.ledger_directory,), options=("--stale-intervals", "40"))
        assert alive.code == GOOD and {word for word, *_ in alive.words()} <= {"note"}, alive.answer
    gateway.kill()
    stale = eventually(lambda: (lambda v: v if v.code != GOOD else None)(
        Verified(gateway, ledgers=(gateway.ledger_directory,), options=("--stale-intervals", "2"))))
    assert (stale.code, [word for word, *_ in stale.words() if word != "note"]) == (FINDING, ["stale ledger"])
    assert Verified(gateway, ledgers=(gateway.ledger_directory,), options=("--stale-intervals", "1000000")).code == GOOD
    with gateway:
        pass
    time.sleep(3 * INTERVAL_MS / 1000)
    retired = Verified(gateway, ledgers=(gateway.ledger_directory,), options=("--stale-intervals", "2"))
    assert retired.code == GOOD and {word for word, *_ in retired.words()} <= {"note"}, retired.answer


def test_records_removed(kept, copy):
    folder, path, all_frames = copy
    last = len(all_frames) - 1
    for name, parts, code, words in (
            ("head", all_frames[2:], NO_ANSWER, [("ledger head gone", 0, 1)]),
            ("middle", all_frames[:2] + all_frames[4:], NO_ANSWER, [("ledger gap", 2, 3)]),
            ("reordered", all_frames[::-1], GOOD, []),
            ("repeated", all_frames * 2, GOOD, [])):
        rewrite(path, parts)
        verified = Verified(kept, ledgers=(folder,))
        assert (verified.code, verified.words()) == (code, words), (name, verified.answer)
    rewrite(path, all_frames[:-1])
    time.sleep(2 * INTERVAL_MS / 1000)
    verified = Verified(kept, ledgers=(folder,), options=("--stale-intervals", "1"))
    assert (verified.code, verified.words()) == (FINDING, [("stale ledger", last - 1, last - 1)])


def test_bytes_changed(kept, copy):
    folder, path, all_frames = copy
    bent = bytearray(all_frames[1])
    bent[-1] ^= 1
    for name, data, code, word in (
            ("torn", b"".join(all_frames) + all_frames[0][:-1], GOOD, "note"),
            ("damaged", b"".join(all_frames) + bytes(bent) + all_frames[0], NO_ANSWER, "could not tell"),
            ("empty", b"", NO_ANSWER, "could not tell")):
        path.write_bytes(data)
        verified = Verified(kept, ledgers=(folder,))
        assert (verified.code, [word for word, *_ in verified.words()]) == (code, [word]), (name, verified.answer)
    os.unlink(path)
    assert Verified(kept, ledgers=(folder,)).code == NO_ANSWER


def test_logs_removed(tmp_path, kafka):
    """Of three logs, the first retired by the second: whichever is absent, or cut at its end, one that is there names it."""
    gateway = Keeper(tmp_path, kafka).start()
    eventually(lambda: gateway.logs() and all(len(records) > 2 for records in gateway.logs().values()))
    gateway.kill()
    for _ in range(2):
        with gateway:
            pass
    (first, second, third) = sorted((records[0].leaves[0]["time"], instance) for instance, records in gateway.logs().items())
    files = {path.name[:32]: path for path in pathlib.Path(gateway.ledger_directory).glob("*.ledger")}
    kept = shutil.copytree(gateway.ledger_directory, tmp_path / "kept")
    gap, expired = ["ledger gap"], ["ledger head expired"]
    for name, gone, options, code, words in (
            ("all", (), (), GOOD, []),
            ("the first", (first,), (), NO_ANSWER, gap),
            ("the second", (second,), ("--stale-intervals", "1000000"), NO_ANSWER, gap),
            ("the last", (third,), (), GOOD, []),
            ("the first, which was old", (first,), ("--ledger-retention-ms", "1"), GOOD, expired)):
        for _, instance in gone:
            os.unlink(files[instance])
        verified = Verified(gateway, ledgers=(gateway.ledger_directory,), options=options)
        assert (verified.code, [word for word, *_ in verified.words()]) == (code, words), (name, verified.answer)
        shutil.copytree(kept, gateway.ledger_directory, dirs_exist_ok=True)
    shorter = files[first[1]]
    rewrite(shorter, frames(shorter)[:-1])
    verified = Verified(gateway, ledgers=(gateway.ledger_directory,))
    assert (verified.code, verified.words()) == (NO_ANSWER, [("ledger gap", None, None)]), verified.answer
    assert "absent at its end" in verified.answer["ledger"]["findings"][0]["text"]


def other_account(frame, secret):
    """The record in a frame as its writer would sign it with the last leaf of another time, in a frame."""
    record = ledger.read_record(frame[FRAME_HEADER:])
    end = bytearray(record.raw_leaves[-1])
    end[16] ^= 1  # The last byte of the time, behind the kind and the record number.
    tree = ledger.Tree(record.first, record.frontier)
    leaves = [*record.raw_leaves[:-1], bytes(end)]
    return ledger.framed(ledger.write_record(record.number, tree, leaves, record.checkpoint.origin, secret))


def test_forked(kept, copy):
    """Two accounts of one record, both signed: the key was used by somebody else, or a process was copied."""
    folder, path, all_frames = copy
    secret = Ed25519PrivateKey.from_private_bytes(kept.keys.secret(kept.writer))
    last = len(all_frames) - 1
    for at in (0, 2, last):
        rewrite(folder / "copy.ledger", [other_account(all_frames[at], secret)])
        verified = Verified(kept, ledgers=(folder,))
        assert (verified.code, verified.words()) == (FINDING, [("forked ledger", at, last)]), verified.answer


def test_a_stranger(kept, tmp_path, kafka):
    """A ledger of a writer that the trust file does not name is nobody's account."""
    stranger = Keeper(tmp_path, kafka)
    with stranger:
        eventually(lambda: stranger.logs())
    verified = Verified(kept, ledgers=(stranger.ledger_directory,))
    assert verified.code == NO_ANSWER and {word for word, *_ in verified.words()} == {"unknown writer"}


@pytest.mark.parametrize("arguments", (
    ("--ledger",), ("--ledger", "x", "--stale-intervals", "0"), ("--ledger", "x", "--stale-intervals", "1s"), ()))
def test_usage(kept, arguments):
    assert signet("verify", "--config", kept.config_path, *arguments, check=False).returncode == USAGE
