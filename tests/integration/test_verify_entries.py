# SPDX-License-Identifier: Apache-2.0
"""`signet verify --ledger` with what brokers store: silent where all that was acknowledged is there, and every attack on
segments by its word at its offsets."""

import json
import os
import re
import shutil

import exchange
import pytest
import segment
from confluent_kafka import TopicPartition
from confluent_kafka.admin import AdminClient
from gateway import signet
from kafka import Kafka
from keeper import Keeper, frames

pytestmark = pytest.mark.timeout(240)

GOOD, FINDING, USAGE, NO_ANSWER = 0, 1, 2, 3
BATCHES, RECORDS = 6, 3


def fill(gateway, topic, batches=BATCHES, **fields):
    for _ in range(batches):
        exchange.send(gateway.endpoint(), "librdkafka", topic, exchange.plain_records(RECORDS), one_batch=True, **fields)


@pytest.fixture(scope="module")
def scene(tmp_path_factory):
    """A cluster that only this gateway wrote to, which has ended in order; what it stored is copied to be attacked."""
    with Kafka(tmp_path_factory.mktemp("entries-kafka")) as kafka:
        gateway = Keeper(tmp_path_factory.mktemp("entries"), kafka)
        with gateway:
            gateway.all, gateway.one, gateway.shortened, gateway.dropped = (
                gateway.endpoint().topic(name) for name in ("all", "one", "shortened", "dropped"))
            fill(gateway, gateway.all, acks="all")
            fill(gateway, gateway.one, acks=1, idempotent=False)
            fill(gateway, gateway.shortened)
            fill(gateway, gateway.dropped, 1)
            admin = AdminClient({"bootstrap.servers": gateway.bootstrap})
            [deleted] = admin.delete_records([TopicPartition(gateway.shortened, 0, 3 * RECORDS)]).values()
            deleted.result(30)
            [dropped] = admin.delete_topics([gateway.dropped]).values()
            dropped.result(30)
        yield gateway


class Verified:
    def __init__(self, gateway, *paths, ledger=None, options=()):
        done = signet("verify", "--config", gateway.config_path, "--ledger", ledger or gateway.ledger_directory, *options,
                      "--json", *paths, check=False)
        assert "Sanitizer" not in done.stderr, done.stderr
        self.code = done.returncode
        self.answer = json.loads(done.stdout)
        assert (self.answer["intact"], self.answer["bad"]) == (self.code == GOOD, self.code == FINDING)

    def words(self, *kinds):
        return [(f["word"], f["first-offset"], f["last-offset"], f["batches"]) for f in self.answer["entries"]["findings"]
                if not kinds or f["kind"] in kinds]

    def bad(self):
        return [f for f in self.answer["entries"]["findings"] if f["kind"] == "bad"]

    def counts(self):
        return {word: count for word, count in self.answer["entries"]["words"].items() if count}


@pytest.fixture
def copied(scene, tmp_path):
    """Copies of the folder of a topic's partition, and the path of the segment in each."""
    def copy(topic, name="copy"):
        folder = shutil.copytree(scene.kafka.partition(topic), tmp_path / name / os.path.basename(scene.kafka.partition(topic)))
        return folder, os.path.join(folder, "%020d.log" % 0)
    return copy




def test_honest(scene):
    """The whole data directory: deleted records and a deleted topic are no findings."""
    verified = Verified(scene, scene.kafka.data())
    assert (verified.code, verified.words()) == (GOOD, []), verified.answer
    counts = verified.counts()
    assert set(counts) <= {"right", "deleted"} and sum(counts.values()) == 3 * BATCHES + 1
    assert counts["right"] >= 2 * BATCHES and counts["deleted"] >= 1 and verified.answer["entries"]["elsewhere"] == 0
    told = signet("verify", "--config", scene.config_path, "--ledger", scene.ledger_directory, scene.kafka.data())
    assert "held        nothing acknowledged is known to be gone" in told.stdout


def test_one_partition(scene, copied):
    """Nothing is said of places that were not given."""
    verified = Verified(scene, copied(scene.all)[0])
    assert (verified.code, verified.counts()) == (GOOD, {"right": BATCHES, "deleted": 1})
    assert verified.answer["entries"]["elsewhere"] == 2 * BATCHES


def at(first, last=None):
    """Offsets of batches, from one to another."""
    return first * RECORDS, ((first if last is None else last) + 1) * RECORDS - 1


def flipped(found):
    return segment.replace(found, 2, found[2].flipped(len(found[2]) // 2))


# Batches of one connection with acks=all name those before them, so that one that moved up has a bad verdict; with acks=1 they do not.
CLOSED = {"all": "altered", "one": "missing"}

ATTACKS = (
    ("removed in the middle", lambda found: segment.remove(found, 2, close=False), [("missing", *at(2), 1)]),
    ("a run removed", lambda found: found[:1] + found[4:], [("missing", *at(1, 3), 3)]),
    ("removed at the head", lambda found: found[2:], [("missing", *at(0, 1), 2)]),
    ("cut", lambda found: found[:4], [("truncated", *at(4, 5), 2)]),
    ("emptied", lambda found: [], [("truncated", *at(0, 5), 6)]),
    ("altered", flipped, [("altered", *at(2), 1)]),
    ("forged in its place", lambda found: segment.replace(found, 2, segment.forge([(b"k", b"v")] * RECORDS)),
     [("altered", *at(2), 1)]),
    ("removed and closed", lambda found: segment.remove(found, 2), [(CLOSED, *at(2), 1), ("moved", *at(3, 5), 3)]),
    ("exchanged", lambda found: segment.exchange(found, 1, 2), [("moved", *at(1), 1), ("moved", *at(2), 1)]),
)


@pytest.mark.parametrize("name", ("all", "one"))
@pytest.mark.parametrize("edit, words", [attack[1:] for attack in ATTACKS], ids=[attack[0] for attack in ATTACKS])
def test_attacks(scene, copied, name, edit, words):
    folder, path = copied(getattr(scene, name))
    segment.rewrite(path, edit)
    verified = Verified(scene, folder)
    words = [(word[name] if word is CLOSED else word, *rest) for word, *rest in words]
    assert (verified.code, verified.words("bad")) == (FINDING, words), verified.answer
    assert {word for word, *_ in verified.words("note")} <= {"not covered"}  # What was moved, where it is now.
    for finding in verified.bad():
        assert finding["acks-1-permits-it"] == (name == "one" and finding["word"] != "altered")


def test_for_people(scene, copied):
    """Who wrote it, when, what it means and what to do, beside where it is."""
    folder, path = copied(scene.all)
    segment.rewrite(path, lambda found: segment.remove(found, 2, close=False))
    told = signet("verify", "--config", scene.config_path, "--ledger", scene.ledger_directory, folder, check=False).stdout
    [finding] = Verified(scene, folder).bad()
    lines = told[told.index("missing: "):].splitlines()[:5]
    assert lines[:3] == ["missing: %s-0 offsets 6-8" % scene.all, "    " + finding["meaning"], "    1 batch"]
    assert re.fullmatch("    writer %s, entered .{24} to .{24}" % re.escape(finding["writer"]), lines[3])
    assert lines[4] == "    hint: " + finding["hint"]


def test_repeated(scene, copied):
    """A batch that stands twice: the copy's own verdict is its word, and every entry is right."""
    folder, path = copied(scene.all)
    segment.rewrite(path, lambda found: segment.duplicate(found, 1))
    verified = Verified(scene, folder)
    assert (verified.code, verified.words()) == (FINDING, [])
    assert [f["verdict"] for f in verified.answer["findings"]] == ["replayed"]
    assert verified.counts()["right"] == BATCHES


def test_moved_elsewhere(scene, copied):
    """A log put in the place of another: what was there is known to be gone, and where the other's went is told."""
    folder, path = copied(scene.all)
    other, other_path = copied(scene.one)
    batch = segment.read(path)[5]
    segment.rewrite(other_path, lambda found: segment.append(found, batch))
    segment.rewrite(path, lambda found: found[:5])
    verified = Verified(scene, folder, other)
    assert (verified.code, verified.words()) == (FINDING, [("moved", *at(5), 1)])
    [moved] = verified.answer["entries"]["findings"]
    assert moved["moved-to"] == {"topic": scene.one, "partition": 0, "offset": BATCHES * RECORDS}


def test_retention(scene, copied):
    """What is gone at the head is expired only as far as the pinned policy permits."""
    folder, path = copied(scene.all)
    first = os.path.join(folder, "%020d.log" % (2 * RECORDS))
    found = segment.read(path)
    os.rename(path, first)
    segment.write(first, found[2:])
    behind = sum(len(batch) for batch in found[2:])
    for options, words in (
            ((), [("missing", *at(0, 1), 2)]),
            (("--retention-ms", str(10 ** 15)), [("missing", *at(0, 1), 2)]),
            (("--retention-ms", "1"), []),
            (("--retention-bytes", str(behind)), []),
            (("--retention-bytes", str(behind + 1)), [("missing", *at(1), 1)])):
        verified = Verified(scene, folder, options=options)
        assert verified.words() == words, (options, verified.answer)
        assert verified.code == (FINDING if words else GOOD)
        assert verified.counts().get("expired", 0) == 2 - sum(word[3] for word in words)


def test_retention_of_a_topic(scene, copied):
    """What the configuration says of a topic goes before the command line, which is for all others."""
    folder, path = copied(scene.all)
    other, other_path = copied(scene.one)
    for one in (path, other_path):
        first = os.path.join(os.path.dirname(one), "%020d.log" % RECORDS)
        found = segment.read(one)
        os.rename(one, first)
        segment.write(first, found[1:])
    topics = scene.topics
    for row, options, words in (
            ({"retention-ms": 1}, (), {scene.one: "missing"}),
            ({"retention-ms": 1}, ("--retention-ms", str(10 ** 15)), {scene.one: "missing"}),
            ({"retention-ms": 10 ** 15}, ("--retention-ms", "1"), {scene.all: "missing"}),
            ({"retention-bytes": 1}, ("--retention-ms", "1"), {})):
        scene.topics = [{"match": scene.all, "seal": True, **row}, *topics]
        scene.write()
        verified = Verified(scene, folder, other, options=options)
        assert {f["topic"]: f["word"] for f in verified.bad()} == words, (row, options, verified.answer)
        assert verified.counts()["expired"] == 2 - len(words)
    scene.topics = topics
    scene.write()


def test_revoked(scene, copied):
    """A revoked writer's entries are believed up to the last good offsets, and no further."""
    folder, path = copied(scene.all)
    good = {"topic": scene.all, "topic-id": scene.kafka.topic_id(scene.all), "partition": 0, "offset": at(2)[1]}
    trusted = scene.trusted
    scene.trusted = {scene.writer: {"topics": ["*"], "revoked": {"reason": "stolen", "last-good": [good]}}}
    scene.write()
    found = segment.read(path)
    for gone, words in ((1, [("missing", *at(1), 1)]), (2, [("missing", *at(2), 1)]), (4, [])):
        segment.write(path, segment.remove(found, gone, close=False))
        verified = Verified(scene, folder)
        assert (verified.code, verified.words("bad")) == (FINDING, words), (gone, verified.answer)
        assert verified.counts()["right"] == 3 - len(words)
        assert {f["verdict"] for f in verified.answer["findings"]} >= {"writer not trusted"}
        assert {f["word"] for f in verified.answer["ledger"]["findings"]} == {"writer not trusted"}
    scene.trusted = trusted
    scene.write()


def test_not_in_the_account(scene, copied, tmp_path):
    """What no entry names is no alarm: its writer's log may go on, or has a gap, which is told."""
    folder, _ = copied(scene.all)
    [kept] = [name for name in os.listdir(scene.ledger_directory) if name.endswith(".ledger")]
    all_frames = frames(os.path.join(scene.ledger_directory, kept))
    begun = tmp_path / "begun.ledger"
    begun.write_bytes(all_frames[0])
    verified = Verified(scene, folder, ledger=str(begun), options=("--stale-intervals", "1000000"))
    assert (verified.code, verified.counts(), verified.words()) == (GOOD, {"not yet": BATCHES}, [])
    begun.write_bytes(all_frames[0] + all_frames[-1])
    verified = Verified(scene, folder, ledger=str(begun))
    assert (verified.code, verified.words()) == (NO_ANSWER, [("not covered", *at(0, BATCHES - 1), BATCHES)])


def test_rolled_back(scene, copied):
    """The broker's data put back to an older state, and written on: offsets that were acknowledged are given again."""
    kafka, topic = scene.kafka, None
    with scene:
        topic = scene.endpoint().topic("rolled")
        fill(scene, topic, 4)
        kafka.stop()
        segment.rewrite(os.path.join(kafka.partition(topic), "%020d.log" % 0), lambda found: found[:2])
        kafka.start()
        fill(scene, topic, 1)
    verified = Verified(scene, kafka.partition(topic))
    assert (verified.code, verified.words()) == (FINDING, [("rolled back", *at(2), 1), ("truncated", *at(3), 1)])
    assert verified.counts()["right"] == 3


@pytest.mark.parametrize("arguments", (("--retention-ms", "0"), ("--retention-bytes", "1k"), ("--retention-ms", "-5")))
def test_usage(scene, arguments):
    assert signet("verify", "--config", scene.config_path, "--ledger", "x", *arguments, check=False).returncode == USAGE
