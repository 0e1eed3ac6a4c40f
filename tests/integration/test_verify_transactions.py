# SPDX-License-Identifier: Apache-2.0
"""`signet verify` and the broker's list of aborted transactions: silent where transactions went their way, and every
line that was removed, added or changed by name."""

import os
import shutil
import threading
from dataclasses import replace

import clients
import exchange
import pytest
import segment
from attacks import POLICY
from clients import Record, can
from confluent_kafka import TopicPartition
from exchange import Endpoint
from gateway import Gateway
from kafka import Kafka
from test_verify import FINDING, GOOD, NO_ANSWER, Verified
from transactions import LINE_BYTES, Transactor, grow_old, list_path, read_list, settled, write_list

pytestmark = pytest.mark.timeout(240)

SETTINGS = {"transaction.abort.timed.out.transaction.cleanup.interval.ms": "300"}
LARGE = 400_000


@pytest.fixture(scope="module")
def scene(tmp_path_factory):
    """A cluster that soon ends what timed out, and a gateway."""
    with Kafka(tmp_path_factory.mktemp("transactions-kafka"), settings=SETTINGS) as kafka:
        with Gateway(tmp_path_factory.mktemp("transactions"), kafka, topics=POLICY) as gateway:
            gateway.sealed = Endpoint(gateway.bootstrap, kafka)
            yield gateway


@pytest.fixture(scope="module")
def mixed(scene):
    """Several producers in one partition, each transaction in its own time: three were aborted."""
    topic = scene.sealed.topic("mixed")
    first, second, third = (Transactor(scene.bootstrap) for _ in range(3))
    late = Transactor(scene.bootstrap, timeout_ms=900_000)
    slow = Transactor(scene.bootstrap, timeout_ms=1000)
    first.begin().send(topic, 2)                    # 0 to 1
    second.begin().send(topic)                      # 2
    third.whole(topic)                              # 3, marker 4
    settled(scene.kafka, topic, 1)
    second.send(topic).abort()                      # 5, marker 6: while the first one is open
    settled(scene.kafka, topic, 2)
    first.commit()                                  # marker 7
    settled(scene.kafka, topic, 3)
    third.whole(topic, commit=False, records=3)     # 8 to 10, marker 11
    settled(scene.kafka, topic, 4)
    slow.begin().send(topic)                        # 12, and a marker by the coordinator: 13
    settled(scene.kafka, topic, 5)
    third.whole(topic)                              # 14, marker 15
    settled(scene.kafka, topic, 6)
    late.begin().send(topic)                        # 16, which stays open
    return topic


def copied(scene, tmp_path, topic, old=True):
    folder = shutil.copytree(scene.kafka.partition(topic), str(tmp_path / os.path.basename(scene.kafka.partition(topic))))
    paths = sorted(os.path.join(folder, name) for name in os.listdir(folder) if name.endswith(".log"))
    for path in paths if old else ():
        grow_old(path)
    return folder, paths


def told(found, kinds=("bad", "could not tell")):
    return [(f["verdict"], f["first-offset"], f["last-offset"]) for f in found.findings(kinds=kinds)]


def test_mixed(scene, mixed, tmp_path):
    """While the broker runs, and at rest."""
    lines = read_list(scene.kafka.segments(mixed)[0])
    assert [(line.first, line.last, line.stable) for line in lines] == [(2, 6, 0), (8, 11, 12), (12, 13, 14)]
    assert Verified(scene, scene.kafka.partition(mixed)).good().findings(kinds=("note",)) == []
    Verified(scene, copied(scene, tmp_path, mixed)[0]).good()


@pytest.mark.parametrize("client", [client for client in clients.CLIENTS if can(client, "transactions")])
def test_clients(scene, client):
    topic = scene.sealed.topic("clients", partitions=2)
    sent = [[Record(b"k", b"%d" % i, (), exchange.START + i, i % 2) for i in range(t * 10, t * 10 + 10)] for t in range(4)]
    clients.produce(client, scene.sealed.job(topic, transactional_id=exchange.group("clients"), transactions=[
        {"commit": t % 2 == 0, "records": records} for t, records in enumerate(sent)])).check()
    for partition in range(2):
        settled(scene.kafka, topic, 4, partition)
        assert sum(len(read_list(path)) for path in scene.kafka.segments(topic, partition)) == 2
        Verified(scene, scene.kafka.partition(topic, partition)).good()


FORGED = "outcome forged"
ATTACKS = [
    ("first removed", lambda lines: lines[1:], [(FORGED, 2, 6)]),
    ("one removed", lambda lines: [lines[0], lines[2]], [(FORGED, 8, 11)]),
    ("last removed", lambda lines: lines[:2], [(FORGED, 12, 13)]),
    ("emptied", lambda lines: [], [(FORGED, 2, 6), (FORGED, 8, 13)]),
    ("one added", lambda lines: [lines[0], replace(lines[0], first=0, last=7), *lines[1:]], [(FORGED, 0, 7)]),
    ("one added at the end", lambda lines: [*lines, replace(lines[1], first=14, last=15, stable=16)], [(FORGED, 14, 15)]),
    ("one added behind the end", lambda lines: [*lines, replace(lines[1], first=14, last=99, stable=100)], [(FORGED, 14, 99)]),
    ("one added of what is open", lambda lines: [*lines, replace(lines[1], first=16, last=17, stable=18)], [(FORGED, 16, 17)]),
    ("one twice", lambda lines: [lines[0], *lines], [(FORGED, 2, 6)]),
    ("exchanged", lambda lines: [lines[1], lines[0], lines[2]], [(FORGED, 2, 6), (FORGED, 2, 6)]),
    ("another producer", lambda lines: [replace(lines[0], producer_id=lines[1].producer_id), *lines[1:]], [(FORGED, 2, 6)]),
    ("begins too early", lambda lines: [lines[0], replace(lines[1], first=3), lines[2]], [(FORGED, 3, 11)]),
    ("begins too late", lambda lines: [lines[0], replace(lines[1], first=9), lines[2]], [(FORGED, 9, 11)]),
    ("begins before everything", lambda lines: [lines[0], replace(lines[1], first=-1), lines[2]], [(FORGED, 11, 11)]),
    ("more decided than was", lambda lines: [replace(lines[0], stable=7), *lines[1:]], [(FORGED, 2, 6)]),
    ("offsets of nothing", lambda lines: [*lines, replace(lines[1], first=-5, last=-4)], [(FORGED, None, None)]),
    ("another version", lambda lines: [replace(lines[0], version=1), *lines[1:]], [(None, None, None)]),
]


@pytest.mark.parametrize("edit, expected", [attack[1:] for attack in ATTACKS], ids=[attack[0] for attack in ATTACKS])
def test_attack(scene, mixed, tmp_path, edit, expected):
    folder, [path] = copied(scene, tmp_path, mixed)
    write_list(path, edit(read_list(path)))
    found = Verified(scene, folder)
    tell = [(verdict, first, last) for verdict, first, last in told(found)]
    assert sorted(tell, key=str) == sorted(expected, key=str), found.answer
    assert found.code == (FINDING if expected[0][0] else NO_ANSWER)


def test_whole_files(scene, mixed, tmp_path):
    """Deleted, put in the place of another's, no file at all, or with a line that is not whole."""
    folder, [path] = copied(scene, tmp_path, mixed)
    lines = read_list(path)
    os.unlink(list_path(path))
    assert told(Verified(scene, folder)) == [(FORGED, 2, 6), (FORGED, 8, 13)]
    write_list(path, [replace(line, producer_id=line.producer_id + 10_000) for line in lines])
    assert told(Verified(scene, folder)) == [(FORGED, 2, 6), (FORGED, 8, 13)]
    os.unlink(list_path(path))
    os.mkfifo(list_path(path))
    found = Verified(scene, folder)
    assert (found.code, told(found)) == (NO_ANSWER, [(None, None, None)])
    os.unlink(list_path(path))
    os.symlink(path, list_path(path))
    assert Verified(scene, folder).code == NO_ANSWER
    os.unlink(list_path(path))
    write_list(path, lines)
    with open(list_path(path), "ab") as file:
        file.write(bytes(LINE_BYTES - 1))
    [note] = Verified(scene, folder).good().findings(kinds=("note",))
    assert "ends within a line" in note["text"]


def test_just_written(scene, mixed, tmp_path):
    """A broker writes the line behind the marker: until it had time to, that the last one is not there is not known to be an attack."""
    folder, [path] = copied(scene, tmp_path, mixed, old=False)
    lines = read_list(path)
    os.utime(path)
    write_list(path, lines[:2])
    found = Verified(scene, folder)
    assert (found.code, told(found)) == (NO_ANSWER, [(None, 12, 13)]), found.answer
    assert "verify again" in found.findings()[0]["text"]
    write_list(path, lines[1:])
    assert (Verified(scene, folder).code, told(Verified(scene, folder))) == (FINDING, [(FORGED, 2, 6)])


def test_lower_stable_offset(scene, mixed, tmp_path):
    """Brokers look further than they must then, and nobody is deceived."""
    folder, [path] = copied(scene, tmp_path, mixed)
    write_list(path, [replace(line, stable=0) for line in read_list(path)])
    [note] = Verified(scene, folder).good().findings(kinds=("note",))
    assert "does no harm" in note["text"] and note["text"].startswith("2 lines")


def test_marker_turned(scene, mixed, tmp_path):
    """The marker says the contrary, and the list what it said before."""
    folder, [path] = copied(scene, tmp_path, mixed)
    abort, commit = b"\x08\0\0\0\0", b"\x08\0\0\0\1"
    for offset, old, new, expected in ((11, abort, commit, (FORGED, 8, 11)), (15, commit, abort, (FORGED, 14, 15))):
        segment.rewrite(path, lambda found: [b.replacing(old, new) if b.base_offset == offset else b for b in found])
        grow_old(path)
        found = Verified(scene, folder)
        assert (found.code, told(found)) == (FINDING, [expected])
        segment.rewrite(path, lambda found: [b.replacing(new, old) if b.base_offset == offset else b for b in found])


@pytest.fixture(scope="module")
def long(scene):
    """Segments of three batches each, and transactions over several of them; two producers take turns."""
    topic = scene.kafka.topic(exchange.group("long"), 1, segment_bytes=1 << 20)
    one, other = Transactor(scene.bootstrap), Transactor(scene.bootstrap)
    done = 0
    for turn in range(3):
        one.begin().send(topic, value_bytes=LARGE)
        for _ in range(2):
            other.whole(topic, commit=False, value_bytes=LARGE)
            done += 1
            settled(scene.kafka, topic, done)
        one.send(topic, value_bytes=LARGE)
        one.commit() if turn == 1 else one.abort()
        done += 1
        settled(scene.kafka, topic, done)
    assert len(scene.kafka.segments(topic)) >= 5
    return topic


def test_segments(scene, long, tmp_path):
    """From the start, without the first ones, and each alone: transactions may have begun before."""
    folder, paths = copied(scene, tmp_path, long)
    Verified(scene, folder).good()
    for path in paths:
        Verified(scene, path).good()
    for path in paths[:-1]:
        os.unlink(path)
        os.unlink(list_path(path)) if os.path.exists(list_path(path)) else None
        Verified(scene, folder).good()


def test_segments_attacked(scene, long, tmp_path):
    """A line that says that a transaction began before what is left passes for the first one of its producer, and for no other."""
    folder, paths = copied(scene, tmp_path, long)
    start = int(os.path.basename(paths[2])[:20])
    for path in paths[:2]:
        os.unlink(path)
        os.unlink(list_path(path)) if os.path.exists(list_path(path)) else None
    Verified(scene, folder).good()
    every = [(path, line) for path in paths[2:] for line in read_list(path)]
    at, later = [(path, line) for path, line in every if line.first >= start and any(
        before.producer_id == line.producer_id and before.last < line.first for _, before in every)][-1]
    lines = read_list(at)
    write_list(at, [replace(line, first=start - 1) if line == later else line for line in lines])
    assert told(Verified(scene, folder)) == [(FORGED, start - 1, later.last)]
    write_list(at, [line for line in lines if line != later])
    assert told(Verified(scene, folder)) == [(FORGED, later.first, later.last)]


def test_damage(scene, mixed, tmp_path):
    """Behind a batch that is damaged transactions are followed anew, and what lies in it is told once."""
    folder, [path] = copied(scene, tmp_path, mixed)
    whole = segment.read(path)
    segment.write(path, [batch.flipped(70, repair=False) if batch.base_offset in (5, 11) else batch for batch in whole])
    grow_old(path)
    assert told(Verified(scene, folder)) == [("altered", 5, 5), ("altered", 11, 11)]
    lines = read_list(path)
    write_list(path, lines[:2])
    assert told(Verified(scene, folder)) == [("altered", 5, 5), ("altered", 11, 11), (FORGED, 12, 13)]


def test_deleted_records(scene):
    topic = scene.sealed.topic("shortened")
    one, other = Transactor(scene.bootstrap), Transactor(scene.bootstrap)
    one.begin().send(topic, 5)
    other.whole(topic, commit=False)
    settled(scene.kafka, topic, 1)
    [deleted] = scene.kafka.admin_client.delete_records([TopicPartition(topic, 0, 3)]).values()
    deleted.result(30)
    one.send(topic).abort()
    settled(scene.kafka, topic, 2)
    Verified(scene, scene.kafka.partition(topic)).good()


def test_while_it_is_written(scene):
    """Transactions end, and segments roll, under the reader's eyes."""
    topic = scene.kafka.topic(exchange.group("live"), 1, segment_bytes=1 << 20)
    producers = [Transactor(scene.bootstrap) for _ in range(3)]

    def write():
        for turn in range(24):
            producers[turn % 3].whole(topic, commit=turn % 4 == 0, value_bytes=LARGE // 4)
            producers[(turn + 1) % 3].whole(topic, commit=False)
    producers[0].whole(topic)
    writer = threading.Thread(target=write)
    writer.start()
    runs = 0
    while writer.is_alive():
        found = Verified(scene, scene.kafka.partition(topic))
        # Between a marker and its line nothing is known yet, and that is said.
        assert found.code == GOOD or all("verify again" in f["text"] for f in found.findings()), found.answer
        runs += 1
    writer.join()
    settled(scene.kafka, topic, 49)
    assert runs > 1
    Verified(scene, scene.kafka.partition(topic)).good()


def test_killed_and_started(scene):
    """After a crash the broker makes what it needs anew, from its snapshots of producers and the log."""
    topic = scene.sealed.topic("killed")
    one, other = Transactor(scene.bootstrap), Transactor(scene.bootstrap)
    one.begin().send(topic)
    for commit in (False, True, False):
        other.whole(topic, commit=commit)
    settled(scene.kafka, topic, 3)
    scene.kafka.kill()
    Verified(scene, scene.kafka.partition(topic)).good()
    path = scene.kafka.segments(topic)[0]
    os.unlink(list_path(path))
    grow_old(path)
    assert Verified(scene, scene.kafka.partition(topic)).code == FINDING
    scene.kafka.start()
    Transactor(scene.bootstrap).whole(topic, commit=False)
    settled(scene.kafka, topic, 4)
    assert len(read_list(path)) == 3
    Verified(scene, scene.kafka.partition(topic)).good()
