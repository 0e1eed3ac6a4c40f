# SPDX-License-Identifier: Apache-2.0
"""`signet verify` on the log directory of a real broker: no finding where nothing is wrong, and every attack by name."""

import json
import os
import shutil
import threading
import time

import exchange
import pytest
import segment
from attacks import ATTACKS, POLICY, READER, Logs, Transactions, label
from clients import Record
from exchange import Endpoint
from gateway import Gateway, signet
from kafka import Kafka

pytestmark = pytest.mark.timeout(240)

GOOD, FINDING, USAGE, NO_ANSWER = 0, 1, 2, 3


@pytest.fixture(scope="module")
def gateway(tmp_path_factory, kafka):
    with Gateway(tmp_path_factory.mktemp("verified"), kafka, topics=POLICY,
                 settings={"principal-in-envelope": True}) as running:
        yield running


@pytest.fixture(scope="module")
def sealed(gateway, kafka):
    return Endpoint(gateway.bootstrap, kafka)


class Verified:
    """One run: its exit code, and what it says to programs."""

    def __init__(self, gateway, *paths, config=True, options=()):
        how = ["--config", gateway.config_path] if config else ["--trust", os.path.join(gateway.directory, "trust.yaml")]
        done = signet("verify", *how, *options, "--json", *paths, check=False)
        assert "Sanitizer" not in done.stderr, done.stderr
        self.how, self.code, self.stderr = [*how, *options], done.returncode, done.stderr
        self.answer = json.loads(done.stdout) if done.stdout else None

    def findings(self, topic=None, partition=None, kinds=("bad", "could not tell")):
        return [f for f in self.answer["findings"] if f["kind"] in kinds and topic in (None, f["topic"])
                and partition in (None, f["partition"])]

    def good(self):
        assert (self.code, self.findings()) == (GOOD, []), (self.code, self.answer, self.stderr)
        return self


def copied(kafka, tmp_path, topic, partition=0):
    """The folder of a partition, as somebody with the disk has it."""
    source = kafka.partition(topic, partition)
    return shutil.copytree(source, str(tmp_path / os.path.basename(source)))


def records(count, first=0, value_bytes=10):
    return [Record(b"k%d" % i, b"%0*d" % (value_bytes, i), (), exchange.START + i, 0, None)
            for i in range(first, first + count)]


def utc(ms):
    """As people are shown a time."""
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(ms // 1000)) + ".%03dZ" % (ms % 1000)


def fill(sealed, topic, batches=8, value_bytes=10):
    for index in range(batches):
        exchange.send(sealed, READER, topic, records(3, 3 * index, value_bytes), one_batch=True)


# Kafka's smallest segments, and records of which three batches fill one.
SMALL_SEGMENTS = {"segment_bytes": 1 << 20}
LARGE_VALUE_BYTES = 100_000


@pytest.mark.parametrize("name, settings", [
    ("plain", {}), ("append-time", {"message_timestamp_type": "LogAppendTime"}), ("gzip", {"compression_type": "gzip"}),
    ("zstd", {"compression_type": "zstd"}), ("segments", SMALL_SEGMENTS),
    ("dashes-in-1-name", {}),
])
def test_intact(gateway, sealed, kafka, name, settings):
    """While the broker runs."""
    topic = kafka.topic(exchange.group(("append-" if "append" in name else "") + name), 1, **settings)
    fill(sealed, topic, value_bytes=LARGE_VALUE_BYTES if settings is SMALL_SEGMENTS else 10)
    found = Verified(gateway, kafka.partition(topic)).good()
    assert found.answer["batches"] == found.answer["verdicts"]["authentic"] == 8
    assert found.answer["records"] == 24 and list(found.answer["writers"].values()) == [8]
    if settings is SMALL_SEGMENTS:
        assert found.answer["segments"] > 2


def test_transactions(gateway, sealed):
    made = Transactions(sealed)
    found = Verified(gateway, made.kafka.partition(made.topic)).good()
    assert found.answer["verdicts"]["control"] == 3


def test_segments(gateway, sealed, kafka, tmp_path):
    """Retention takes the head and nobody minds; a segment taken from the middle is missed."""
    topic = kafka.topic(exchange.group("segments"), 1, **SMALL_SEGMENTS)
    fill(sealed, topic, 14, LARGE_VALUE_BYTES)
    folder = copied(kafka, tmp_path, topic)
    logs = sorted(name for name in os.listdir(folder) if name.endswith(".log"))
    assert len(logs) > 4
    os.unlink(os.path.join(folder, logs[0]))
    Verified(gateway, folder).good()
    Verified(gateway, os.path.join(folder, logs[2])).good()
    os.unlink(os.path.join(folder, logs[2]))
    found = Verified(gateway, folder)
    [hole] = found.findings()
    assert found.code == FINDING and hole["verdict"] == "wrong offset"
    assert (hole["expected-offset"], hole["first-offset"]) == (int(logs[2][:20]), int(logs[3][:20]))


def test_ends(gateway, sealed, kafka, tmp_path):
    """A torn tail and room made beforehand at the end of the log are no findings; in the middle they are."""
    topic = kafka.topic(exchange.group("ends"), 1, **SMALL_SEGMENTS)
    fill(sealed, topic, 14, LARGE_VALUE_BYTES)
    folder = copied(kafka, tmp_path, topic)
    logs = sorted(name for name in os.listdir(folder) if name.endswith(".log"))
    last, middle = os.path.join(folder, logs[-1]), os.path.join(folder, logs[1])
    with open(last, "rb") as file:
        whole = file.read()
    with open(last, "wb") as file:
        file.write(whole + bytes(100000))
    Verified(gateway, folder).good()
    with open(last, "wb") as file:
        file.write(whole[:-7])
    [note] = Verified(gateway, folder).good().findings(kinds=("note",))
    assert "is being written" in note["text"]
    with open(middle, "rb") as file:
        data = file.read()
    for damaged in (data[:-7], data + bytes(64)):
        with open(middle, "wb") as file:
            file.write(damaged)
        found = Verified(gateway, folder)
        assert found.code == FINDING and found.findings()[0]["verdict"] in ("malformed", "unsealed"), found.answer


def test_length_that_hides_the_rest(gateway, sealed, kafka, tmp_path):
    """A batch that claims to be as long as all behind it, and more, is not taken for a torn tail."""
    topic = sealed.topic("hiding")
    fill(sealed, topic)
    folder = copied(kafka, tmp_path, topic)
    path = os.path.join(folder, "%020d.log" % 0)
    data = bytearray(open(path, "rb").read())
    at = len(segment.read(path)[0])
    data[at + 8:at + 12] = (1 << 30).to_bytes(4, "big")
    open(path, "wb").write(data)
    found = Verified(gateway, folder)
    [hidden] = found.findings()
    assert (hidden["verdict"], hidden["first-offset"], hidden["last-offset"]) == ("malformed", 3, 5)
    assert found.answer["verdicts"]["authentic"] == 7


def test_could_not_tell(gateway, sealed, kafka, tmp_path):
    topic = sealed.topic("untold")
    fill(sealed, topic, 2)
    folder = copied(kafka, tmp_path, topic)
    path = os.path.join(folder, "%020d.log" % 0)
    os.rename(path, str(tmp_path / "elsewhere"))
    os.symlink(str(tmp_path / "elsewhere"), path)
    assert Verified(gateway, folder).code == NO_ANSWER
    os.unlink(path)
    os.mkfifo(path)
    assert Verified(gateway, folder).code == NO_ANSWER
    os.unlink(path)
    os.rename(str(tmp_path / "elsewhere"), path)
    Verified(gateway, folder).good()
    os.unlink(os.path.join(folder, "partition.metadata"))
    assert Verified(gateway, folder).code == NO_ANSWER
    assert Verified(gateway, str(tmp_path / "nowhere")).code == NO_ANSWER


def test_trust_file_alone(gateway, sealed, direct, kafka, tmp_path):
    """Everything must be sealed then that is not said to be in clear."""
    topic, clear = sealed.topic("alone"), direct.topic("clear")
    fill(sealed, topic, 2)
    exchange.send(direct, READER, clear, records(3))
    paths = [copied(kafka, tmp_path, topic), copied(kafka, tmp_path, clear)]
    found = Verified(gateway, *paths, config=False)
    assert found.code == FINDING and [f["verdict"] for f in found.findings()] == ["unsealed"]
    assert found.findings()[0]["topic"] == clear
    found = Verified(gateway, *paths, config=False, options=["--allow-clear", "clear*"]).good()
    assert found.answer["partitions"] == {"verified": 1, "clear": 1, "internal": 0, "aside": 0}


def test_while_it_is_written(gateway, sealed, kafka):
    """Segments grow and roll under the reader's eyes, and retention takes the first ones."""
    topic = kafka.topic(exchange.group("live"), 1, **SMALL_SEGMENTS)
    fill(sealed, topic, 1, LARGE_VALUE_BYTES)
    writer = threading.Thread(target=fill, args=(sealed, topic, 30, LARGE_VALUE_BYTES))
    writer.start()
    batches = []
    while writer.is_alive():
        batches.append(Verified(gateway, kafka.partition(topic)).good().answer["batches"])
    writer.join()
    assert batches == sorted(batches) and len(batches) > 1
    assert Verified(gateway, kafka.partition(topic)).good().answer["batches"] == 31


def test_folder_of_a_broker(gateway, sealed, kafka, tmp_path):
    """What is in it besides partitions, whose names reach no terminal as they are; and another cluster's."""
    topic = sealed.topic("folder")
    fill(sealed, topic, 2)
    folder = copied(kafka, tmp_path, topic)
    shutil.copy(os.path.join(kafka.data(), "meta.properties"), str(tmp_path))
    os.mkdir(folder + "." + "0" * 32 + "-delete")
    found = Verified(gateway, str(tmp_path)).good()
    assert found.answer["partitions"] == {"verified": 1, "clear": 0, "internal": 0, "aside": 1}
    os.mkdir(str(tmp_path / "strange\033[2J-0"))
    assert Verified(gateway, str(tmp_path)).code == NO_ANSWER
    told = signet("verify", "--config", gateway.config_path, str(tmp_path), check=False)
    assert told.returncode == NO_ANSWER and "\033" not in told.stdout and "\\x1b[2J" in told.stdout
    os.rmdir(str(tmp_path / "strange\033[2J-0"))
    os.symlink(folder, str(tmp_path / "linked-0"))
    assert Verified(gateway, str(tmp_path)).code == NO_ANSWER
    os.unlink(str(tmp_path / "linked-0"))
    with open(str(tmp_path / "meta.properties"), "a") as file:
        file.write("\ncluster.id=AAAAAAAAAAAAAAAAAAAAAA\n")
    found = Verified(gateway, str(tmp_path))
    assert found.code == FINDING and [f["verdict"] for f in found.findings()] == ["wrong place"]


def longer(batch, size):
    """The batch with zeros behind its records; nobody repairs its CRC."""
    data = bytearray(batch.data) + bytes(size - len(batch))
    data[8:12] = (size - 12).to_bytes(4, "big")
    return segment.Batch(bytes(data))


@pytest.mark.parametrize("name, change, code, verdict", [
    ("large", lambda batch: longer(batch, 3 << 20), FINDING, "altered"),
    ("too large", lambda batch: longer(batch, 17 << 20), NO_ANSWER, None),
    ("may come to too much", lambda batch: batch.having(record_count=10**6), NO_ANSWER, None),
])
def test_large_batches(gateway, sealed, kafka, tmp_path, name, change, code, verdict):
    """What is larger than the window is looked at alone; beyond the limit it is not, and is never good."""
    topic = sealed.topic("sizes")
    fill(sealed, topic, 4)
    folder = copied(kafka, tmp_path, topic)
    segment.rewrite(os.path.join(folder, "%020d.log" % 0), lambda found: [found[0], change(found[1]), *found[2:]])
    found = Verified(gateway, folder)
    [finding] = found.findings()
    assert (found.code, finding["verdict"], finding["first-offset"]) == (code, verdict, 3)
    assert found.answer["verdicts"]["authentic"] == 3


def test_another_topic_id(gateway, sealed, kafka, tmp_path):
    """A folder of a deleted topic of the same name passes for nothing: the trust file says which id it has."""
    topic = sealed.topic("incarnation")
    fill(sealed, topic, 2)
    folder = copied(kafka, tmp_path, topic)
    trust = json.load(open(os.path.join(gateway.directory, "trust.yaml")))
    trust["cut-overs"] = [{"topic": topic, "topic-id": "AAAAAAAAAAAAAAAAAAAAAQ", "partition": 0, "offset": 0}]
    path = str(tmp_path / "trust.yaml")
    json.dump(trust, open(path, "w"))
    found = Verified(gateway, folder, options=["--trust", path])
    assert found.code == FINDING and [f["verdict"] for f in found.findings()] == ["wrong place"]


def test_for_people(gateway, sealed, kafka, tmp_path):
    topic = sealed.topic("people")
    fill(sealed, topic, 4)
    folder = copied(kafka, tmp_path, topic)
    told = signet("verify", "--config", gateway.config_path, folder).stdout
    assert "partitions  1 verified" in told and "4 authentic" in told and "result      intact" in told
    segment.rewrite(os.path.join(folder, "%020d.log" % 0),
                    lambda found: [found[0], found[1].flipped(200), found[2].flipped(200), found[3]])
    told = signet("verify", "--config", gateway.config_path, folder, check=False)
    assert told.returncode == FINDING and "NOT INTACT" in told.stdout
    [finding] = Verified(gateway, folder).findings()
    assert told.stdout[told.stdout.index("altered: "):].splitlines() == [
        "altered: %s-0 offsets 3-8" % topic, "    " + finding["meaning"],
        "    writer %s, sealed %s to %s" % (finding["writer"], utc(finding["first-seal-time-ms"]),
                                            utc(finding["last-seal-time-ms"])),
        "    hint: " + finding["hint"]]


def test_usage(gateway):
    assert signet("verify", "/tmp", check=False).returncode == USAGE
    assert signet("verify", "--config", gateway.config_path, check=False).returncode == USAGE


# Why a verdict is what it is.

RULES = {
    "authentic": {16}, "control": {3}, "clear": {5}, "unsealed": {1, 5}, "malformed": {1, 3, 4, 7}, "unsupported": {6},
    "unknown writer": {8}, "altered": {2, 9, 11}, "wrong place": {10}, "writer not trusted": {12}, "wrong offset": {13},
    "removed": {13}, "out of order": {13}, "replayed": {13},
}


class Why:
    """What is said of one offset: of the batches that have it, and the findings about it."""

    def __init__(self, verified, folder, offset):
        done = signet("inspect", "--why", str(offset), *verified.how, "--json", folder, check=False)
        assert "Sanitizer" not in done.stderr, done.stderr
        said = [json.loads(line) for line in done.stdout.splitlines()]
        self.code = done.returncode
        self.batches = [item for item in said if item["kind"] == "batch"]
        self.findings = [item["finding"] for item in said if item["kind"] == "finding"]
        for batch in self.batches:
            self.check(batch)

    @staticmethod
    def check(batch):
        """One rule made the verdict, and none behind it was asked but where it stands."""
        states = {rule["rule"]: rule["state"] for rule in batch["rules"]}
        made = [rule for rule, state in states.items() if state == "made the verdict"]
        assert made == [batch["by-rule"]] and made[0] in RULES[batch["verdict"]], batch
        assert list(states) == [*range(1, 14), 16]
        assert all(state == "not asked" for rule, state in states.items() if rule > made[0] and rule != 13)
        assert all(states[rule] == "held" for rule in range(1, min(made[0], 4)))

    def rule(self, number):
        [batch] = self.batches
        [rule] = [rule for rule in batch["rules"] if rule["rule"] == number]
        return rule

    def states(self):
        [batch] = self.batches
        return {state: [r["rule"] for r in batch["rules"] if r["state"] == state]
                for state in ("held", "not asked", "made the verdict")}


def test_why_good(gateway, sealed, kafka):
    """An authentic batch, a marker, and an offset that there is not."""
    made = Transactions(sealed)
    folder = kafka.partition(made.topic)
    verified = Verified(gateway, folder).good()
    found = Why(verified, folder, 1)
    assert found.code == GOOD and found.states() == {
        "held": list(range(1, 14)), "not asked": [], "made the verdict": [16]}
    assert found.rule(10)["topic-name"] == found.rule(10)["topic-name-here"] == made.topic
    assert found.rule(2)["crc"] == found.rule(2)["crc-of-the-bytes"] and found.rule(11)["not-as-it-may-be"] is None
    found = Why(verified, folder, 3)
    assert found.code == GOOD and found.rule(3)["marker"] == "commit" and found.states() == {
        "held": [1, 2, 13], "not asked": [*range(4, 13), 16], "made the verdict": [3]}
    found = Why(verified, folder, 1000)
    assert (found.code, found.batches, found.findings) == (NO_ANSWER, [], [])
    told = signet("inspect", "--why", "1", *verified.how, folder).stdout
    assert "verdict: authentic" in told and "rule: 9 state: held asks: signed by its writer" in told


def test_why_clear_and_accepted(gateway, sealed, direct, kafka, tmp_path):
    """What the trust file says of a place is what is compared."""
    topic = sealed.topic("why")
    exchange.send(direct, READER, topic, records(3), one_batch=True)
    exchange.send(direct, READER, topic, records(3), one_batch=True)
    place = {"topic": topic, "topic-id": kafka.topic_id(topic), "partition": 0}
    trust = json.load(open(os.path.join(gateway.directory, "trust.yaml")))
    trust["cut-overs"] = [{**place, "offset": 3}]
    trust["exceptions"] = [{**place, "first-offset": 3, "last-offset": 5, "reason": "lost \033[2J"}]
    path = str(tmp_path / "trust.yaml")
    json.dump(trust, open(path, "w"))
    folder = kafka.partition(topic)
    verified = Verified(gateway, folder, options=["--trust", path]).good()
    found = Why(verified, folder, 2)
    assert (found.code, found.batches[0]["verdict"]) == (GOOD, "clear")
    assert (found.rule(5)["last-offset"], found.rule(5)["cut-over"]) == (2, 3)
    found = Why(verified, folder, 4)
    assert (found.code, found.batches[0]["verdict"]) == (GOOD, "unsealed")
    assert found.batches[0]["accepted"] == {"first-offset": 3, "last-offset": 5, "reason": "lost \\x1b[2J"}


def test_why_usage(gateway, sealed, kafka, tmp_path):
    def code(*arguments):
        return signet("inspect", *arguments, check=False).returncode

    topic = sealed.topic("why")
    fill(sealed, topic, 1)
    folder, how = kafka.partition(topic), ["--config", gateway.config_path]
    assert code("--why", "0", *how, folder) == GOOD
    assert code("--why", "0", "--trust", os.path.join(gateway.directory, "trust.yaml"), folder) == GOOD
    for wrong in (["--why", "x", *how], ["--why", "0-1", *how], ["--why", "0"], ["--why", "0", *how, "--records"],
                  ["--why", "0", *how, "--offset", "0"], ["--why", "0", *how, folder], how,
                  ["--log-append-time", "*"], ["--why", "0", *how, "--log-append-time", "*"]):
        assert code(*wrong, folder) == USAGE, wrong
    assert code("--why", "0", *how, str(tmp_path)) == NO_ANSWER
    assert code("--why", "0", *how, str(tmp_path / "none")) == NO_ANSWER
    assert code("--why", "0", "--config", str(tmp_path / "none"), folder) == NO_ANSWER


# The attackers of test_tampering.py, on a broker of their own that is down.


@pytest.fixture(scope="module")
def attacked(tmp_path_factory, authority):
    """The logs, and what is said of them while the broker runs, when it is down, and after the attacks."""
    server, alice = authority.issue("gateway"), authority.issue("alice", hosts=())
    listener = {
        "clients-known-by": "client-certificate",
        "tls": {"certificate": server.certificate, "key": server.key, "client-ca": authority.ca},
    }
    client = {"security": "ssl", "ca": authority.ca, "certificate": alice.certificate, "key": alice.key}
    with Kafka(tmp_path_factory.mktemp("attacked-kafka")) as cluster:
        with Gateway(tmp_path_factory.mktemp("attacked"), cluster, listener=listener, topics=POLICY,
                     settings={"principal-in-envelope": True}) as running:
            made = Logs(Endpoint(running.bootstrap, cluster, client))
            made.make()
            before = Verified(running, cluster.data())
            cluster.stop_node()
            stopped = Verified(running, cluster.data())
            made.edit()
            yield made, before, stopped, Verified(running, cluster.data())


def test_before_the_attacks(attacked):
    made, before, stopped, _ = attacked
    before.good()
    stopped.good()
    assert stopped.answer["partitions"]["verified"] >= len(ATTACKS)


@pytest.mark.parametrize("attack", ATTACKS, ids=label)
def test_attack(attacked, attack):
    made, _, _, after = attacked
    topic, partition = made.place(attack)
    found = after.findings(topic, partition)
    if attack.verdict is None:
        assert found == []
    else:
        assert (found[0]["verdict"], found[0]["first-offset"]) == (attack.verdict, attack.offset), found
        assert after.code == FINDING


@pytest.mark.parametrize("attack", ATTACKS, ids=label)
def test_why(attacked, attack):
    """The word is the one that was found; where nothing was, every batch is said to be good."""
    made, _, _, after = attacked
    topic, partition = made.place(attack)
    found, folder = after.findings(topic, partition), made.kafka.partition(topic, partition)
    if attack.verdict is None:
        for batch in made.stored[attack]:
            said = Why(after, folder, batch.base_offset)
            assert (said.code, [b["verdict"] for b in said.batches], said.findings) == (GOOD, ["authentic"], [])
        return
    said = Why(after, folder, attack.offset)
    assert said.code == FINDING and attack.verdict in [f["verdict"] for f in said.findings]
    words = [batch["verdict"] for batch in said.batches if batch["base-offset"] == attack.offset]
    assert words == [found[0]["verdict"]] or (words == [] and attack.verdict in ("unsealed", "malformed")), said.batches
    if found[0]["verdict"] == "wrong offset" and found[0]["expected-offset"] < attack.offset:
        missing = Why(after, folder, found[0]["expected-offset"])
        assert missing.code == FINDING and "wrong offset" in [f["verdict"] for f in missing.findings]


def test_why_is_exact(attacked):
    """Rules that give the same word are told apart, and so are the fields that a broker may not change."""
    made, _, _, after = attacked
    by_rule, fields = {}, set()
    for attack in ATTACKS:
        if attack.verdict == "altered":
            said = Why(after, made.kafka.partition(*made.place(attack)), attack.offset)
            [batch] = said.batches
            by_rule.setdefault(batch["by-rule"], []).append(attack.label)
            if batch["by-rule"] == 11:
                fields.add(said.rule(11)["not-as-it-may-be"])
            if batch["by-rule"] == 2:
                assert said.rule(2)["crc"] != said.rule(2)["crc-of-the-bytes"]
    assert set(by_rule) == {2, 9, 11}, by_rule
    assert "ciphertext of the envelope" in by_rule[9] and "CreateTime claimed" in by_rule[11]
    assert fields == {"base-timestamp", "count or producer", "attributes", "max-timestamp",
                      "records behind the first"}
