# SPDX-License-Identifier: Apache-2.0
"""`signet inspect`: its fields are those that Kafka's own tool prints of the same segment, and of the files beside it.

Whatever a file is, it is named.
"""

import gzip
import json
import os
import pathlib
import re
import struct
import time

import clients
import exchange
import pytest
import segment
from attacks import POLICY, READER, Transactions
from clients import Record
from envelope import Envelope
from exchange import Endpoint
from gateway import Gateway, signet
from processes import eventually

pytestmark = pytest.mark.timeout(240)

GOOD, FINDING, USAGE, NO_ANSWER = 0, 1, 2, 3
CORPUS = pathlib.Path(__file__).parents[1] / "fuzz" / "corpus"

# As Kafka names them → as we do.
NAMES = {"baseOffset": "base-offset", "lastOffset": "last-offset", "count": "record-count",
         "baseSequence": "base-sequence", "producerId": "producer-id", "producerEpoch": "producer-epoch",
         "partitionLeaderEpoch": "leader-epoch", "isTransactional": "transactional", "isControl": "control",
         "position": "position", "CreateTime": "max-timestamp-ms", "LogAppendTime": "max-timestamp-ms", "size": "size",
         "magic": "magic", "compresscodec": "codec", "crc": "crc", "isvalid": "crc-right"}


@pytest.fixture(scope="module")
def gateway(tmp_path_factory, kafka):
    with Gateway(tmp_path_factory.mktemp("inspected"), kafka, topics=POLICY,
                 settings={"principal-in-envelope": True}) as running:
        yield running


def inspect(*arguments, code=GOOD):
    done = signet("inspect", *map(str, arguments), check=False)
    assert "Sanitizer" not in done.stderr and done.returncode == code, (done.returncode, done.stdout, done.stderr)
    return done.stdout


def items(*arguments, code=GOOD):
    return [json.loads(line) for line in inspect("--json", *arguments, code=code).splitlines()]


def dumped(kafka, path):
    """What Kafka's own tool prints of each batch, under our names."""
    printed = kafka.admin("DumpLogSegments", "--files", path)
    found = []
    for line in printed.splitlines():
        if line.startswith("baseOffset:"):
            fields = dict(re.findall(r"(\w+): (\S+)", line))
            found.append({NAMES[name]: value for name, value in fields.items() if name in NAMES})
    return found


def like_kafka(value):
    return str(value).lower() if isinstance(value, bool) else str(value)


def check_as_kafka(kafka, path):
    """Gives our items, which are batches all."""
    found, expected = items(path), dumped(kafka, path)
    assert len(expected) == len(found) > 0
    for ours, theirs in zip(found, expected):
        assert len(theirs) >= 15, theirs
        assert {name: like_kafka(ours[name]) for name in theirs} == {n: v.lower() for n, v in theirs.items()}
    return found


def fill(endpoint, topic, **how):
    for index in range(3):
        exchange.send(endpoint, READER, topic, [Record(b"k", b"v" * 100, (), exchange.START + i, 0, None)
                                                for i in range(3 * index, 3 * index + 3)], one_batch=True, **how)


@pytest.mark.parametrize("codec", segment.CODECS)
def test_plain(kafka, codec):
    topic = kafka.topic(exchange.group("inspected"), 1, compression_type=codec if codec != "none" else "uncompressed")
    fill(Endpoint(kafka.bootstrap(), kafka), topic)
    found = check_as_kafka(kafka, kafka.segments(topic)[-1])
    assert {(item["codec"], item["sealed"], "records-error" in item) for item in found} == {(codec, False, False)}


@pytest.mark.parametrize("settings", [{}, {"compression_type": "zstd"}, {"message_timestamp_type": "LogAppendTime"}])
def test_sealed(gateway, kafka, settings):
    """Field by field what another reader of the format finds in the bytes."""
    topic = kafka.topic(("append-" if "message_timestamp_type" in settings else "") + exchange.group("inspected"), 1,
                        **settings)
    fill(Endpoint(gateway.bootstrap, kafka), topic)
    path = kafka.segments(topic)[-1]
    for item, batch in zip(check_as_kafka(kafka, path), segment.read(path)):
        seal = item["seal"]
        assert seal["topic-name"] == topic and seal["topic-id"] == kafka.topic_id(topic) and seal["signature-right"]
        assert seal["cluster-id"] and len(seal["recipients"]) == 1
        assert seal["inner"]["record-count"] == batch.record_count == 3
        if batch.codec == "none":
            envelope = Envelope(batch)
            for name in ("cluster id", "principal"):
                assert seal[name.replace(" ", "-")] == envelope.read(name).decode()
            for name in ("writer", "nonce", "previous link", "key commitment", "tag", "signature"):
                assert seal[name.replace(" ", "-")] == envelope.read(name).hex()
            assert seal["stream-id"] == envelope.read("stream").hex()
            assert seal["sequence"] == int.from_bytes(envelope.read("sequence"), "big")
            assert seal["seal-time-ms"] == int.from_bytes(envelope.read("seal time"), "big")
            assert seal["recipients"][0]["wrapped-key"] == envelope.read("wrapped key").hex()
            assert seal["seal-id"] == envelope.seal_id().hex()
    assert "seal-time: 20" in inspect(path) and "max-timestamp: 20" in inspect(path)


def test_markers(gateway, kafka):
    made = Transactions(Endpoint(gateway.bootstrap, kafka))
    path = kafka.segments(made.topic)[-1]
    found = [item for item in check_as_kafka(kafka, path) if item["control"]]
    assert [item["marker"]["kind"] for item in found] == ["commit", "abort", "commit"]
    printed = re.findall(r"endTxnMarker: (\w+) coordinatorEpoch: (\d+)",
                         kafka.admin("DumpLogSegments", "--print-data-log", "--files", path))
    assert [(item["marker"]["kind"].upper(), str(item["marker"]["coordinator-epoch"])) for item in found] == printed


def some(count=3):
    return segment.renumber([segment.forge([(b"k", b"value %d" % i)], timestamp=exchange.START) for i in range(count)])


def stored(folder, data, name="00000000000000000000.log"):
    folder.mkdir(exist_ok=True)
    (folder / name).write_bytes(data)
    return folder / name


DATA = b"".join(batch.data for batch in some())


@pytest.mark.parametrize("rest, kind, code", [
    (b"", None, GOOD), (DATA[:-1], "torn tail", GOOD), (DATA[:12], "torn tail", GOOD),
    (bytes(70), "preallocated zeros", GOOD), (bytes(3 << 20), "preallocated zeros", GOOD),
    (bytes(3), "preallocated zeros", GOOD),
    (bytes(3 << 20) + b"\1", "no batch of magic 2", FINDING), (b"\1" * 100, "no batch of magic 2", FINDING),
    (DATA[:8] + b"\x7f" + DATA[9:], "torn tail", GOOD),
], ids=lambda value: str(len(value)) if isinstance(value, bytes) else None)
def test_ends(tmp_path, rest, kind, code):
    found = items(stored(tmp_path / "t-0", DATA + rest), code=code)
    batches = [item for item in found if item["kind"] == "batch"]
    assert batches[2]["position"] + batches[2]["size"] == len(DATA)
    if kind:
        last = found[-1]
        assert last["kind"] == kind and last["position"] + last["size"] == len(DATA + rest)


def test_large_batches(tmp_path):
    """Those above the window are looked into, those above the limit are passed over, and what follows is shown."""
    large = [segment.forge([(b"k", bytes(mib << 20))]) for mib in (5, 17)]
    made = segment.renumber([some()[0], *large, some()[0]])
    found = items(stored(tmp_path / "t-0", b"".join(batch.data for batch in made)), code=NO_ANSWER)
    assert [item["kind"] for item in found] == ["batch", "batch", "too large to be looked into", "batch"]
    assert [item["base-offset"] for item in found] == [0, 1, 2, 3]


def test_offsets_and_folders(tmp_path):
    folder = tmp_path / "t-0"
    for name in ("00000000000000000000.log", "00000000000000000000.log.deleted", "00000000000000000000.index"):
        stored(folder, DATA, name)
    assert [item["base-offset"] for item in items(folder)] == [0, 1, 2] * 2
    assert [item["base-offset"] for item in items("--offset", "1", folder)] == [1, 1]
    assert [item["base-offset"] for item in items("--offset", "1-7", folder)] == [1, 2] * 2
    for wrong in ("", "-1", "2-1", "1-", "1-2-3", "x", "9223372036854775808"):
        inspect("--offset=" + wrong, folder, code=USAGE)
    inspect(code=USAGE)
    inspect(tmp_path, code=NO_ANSWER)
    inspect(tmp_path / "none.log", code=NO_ANSWER)


def test_wrong_crc(tmp_path):
    first, second, third = some()
    path = stored(tmp_path / "t-0", first.data + second.flipped(len(second) - 1, repair=False).data + third.data)
    assert [item["crc-right"] for item in items(path, code=FINDING)] == [True, False, True]
    assert "crc-right: false" in inspect(path, code=FINDING)
    items("--offset", "0", path)


def test_nothing_reaches_the_terminal(gateway, kafka, tmp_path):
    """A topic's name in an envelope, and a file's own, are whatever somebody with the disk wrote."""
    topic = kafka.topic(exchange.group("inspected"), 1)
    fill(Endpoint(gateway.bootstrap, kafka), topic)
    evil = [batch.replacing(topic.encode(), b"\x1b[2J" + topic.encode()[4:])
            for batch in segment.read(kafka.segments(topic)[-1])]
    path = stored(tmp_path / "t-0", b"".join(batch.data for batch in evil), "\x1b[2J.log")
    for printed in (inspect(path), inspect("--json", path)):
        assert "\x1b" not in printed and "x1b[2J" + topic[4:] in printed
    assert not any(item["seal"]["signature-right"] for item in items(path))


def opening(gateway, key="analytics", trust=None):
    return ("--records", "--keys", os.path.join(gateway.keys.directory, key + ".key"),
            "--trust", trust or os.path.join(gateway.directory, "trust.yaml"))


def shown(found):
    return [item for item in found if item["kind"] == "record"]


RECORDS = [Record(b"\x1b[2J", b"v" * 300, (("name", b"\xff"), ("none", None)), exchange.START, 0, None),
           Record(None, None, (), exchange.START + 1, 0, None)]
EXPECTED = [
    {"timestamp-ms": exchange.START, "key": "\\x1b[2J", "key-bytes": 4, "value": "v" * 256, "value-bytes": 300,
     "header-count": 2, "headers": [{"key": "name", "key-bytes": 4, "value": "\\xff", "value-bytes": 1},
                                    {"key": "none", "key-bytes": 4, "value": None}]},
    {"timestamp-ms": exchange.START + 1, "key": None, "value": None, "header-count": 0},
]


def check_records(path, *options):
    found = shown(items(*options, path))
    assert [item.pop("offset") for item in found] == [0, 1]
    assert [{name: item[name] for name in item if name not in ("kind", "file")} for item in found] == EXPECTED
    text = inspect(*options, path)
    assert "\x1b" not in text and "value: " + "v" * 256 + " " in text and "key: null" in text


@pytest.mark.parametrize("codec", segment.CODECS)
def test_records(gateway, kafka, codec):
    """What was produced, as it is stored in clear, and as it is sealed when a recipient's key is given."""
    topic = kafka.topic(exchange.group("inspected"), 1)
    exchange.send(Endpoint(kafka.bootstrap(), kafka), READER, topic, RECORDS, codec=codec)
    check_records(kafka.segments(topic)[-1], "--records")
    topic = kafka.topic(exchange.group("inspected"), 1)
    exchange.send(Endpoint(gateway.bootstrap, kafka), READER, topic, RECORDS, codec=codec)
    check_records(kafka.segments(topic)[-1], *opening(gateway))


def refused(path, *options):
    found = items(*options, path, code=NO_ANSWER)
    assert not shown(found)
    return {item["why"] for item in found if item["kind"] == "records not shown"}


def test_records_that_are_not_opened(gateway, kafka, tmp_path):
    """Without a key, with another's, when the seal is broken, or by a writer who is not trusted."""
    topic = kafka.topic(exchange.group("inspected"), 1)
    fill(Endpoint(gateway.bootstrap, kafka), topic)
    path = kafka.segments(topic)[-1]
    assert len(shown(items(*opening(gateway), path))) == 9
    assert refused(path, "--records") == {"sealed: give --keys and --trust to open it"}
    gateway.keys.recipient("stranger")
    assert refused(path, *opening(gateway, "stranger")) == {"its data key is not wrapped for any key at hand"}
    broken = [batch.flipped(Envelope(batch).at("ciphertext")) for batch in segment.read(path)]
    copy = stored(tmp_path / "t-0", b"".join(batch.data for batch in broken))
    assert refused(copy, *opening(gateway)) == {"its signature is wrong"}
    trust = tmp_path / "trust.yaml"
    with open(os.path.join(gateway.directory, "trust.yaml")) as file:
        trust.write_text(file.read().replace(kafka.cluster_id, "another"))
    assert "not trusted" in refused(path, *opening(gateway, trust=str(trust))).pop()


def test_records_without_end(tmp_path):
    """What decompresses to more than anybody wants in memory is not shown, and what follows is."""
    bomb = some()[0].having(attributes=segment.CODECS.index("gzip")).having_records(gzip.compress(bytes(65 << 20)))
    path = stored(tmp_path / "t-0", b"".join(batch.data for batch in segment.renumber([bomb, some()[0]])))
    found = items("--records", path, code=NO_ANSWER)
    assert [item["kind"] for item in found] == ["batch", "records not shown", "batch", "record"]
    assert found[1]["why"] == "a limit is exceeded"


def test_keys_go_with_trust(gateway, tmp_path):
    path, key = stored(tmp_path / "t-0", DATA), os.path.join(gateway.keys.directory, "analytics.key")
    inspect("--records", "--keys", key, path, code=USAGE)
    inspect("--records", "--trust", key, path, code=USAGE)
    writer = os.path.join(gateway.keys.directory, "gateway-a.key")
    assert not items(*opening(gateway)[:2], writer, *opening(gateway)[3:], path, code=NO_ANSWER)
    assert not items(*opening(gateway, "none"), path, code=NO_ANSWER)


@pytest.mark.parametrize("kind", ["segment", "batch", "envelope", "record", "open"])
def test_whatever_a_file_is(tmp_path, kind):
    """What fuzzing starts from, whole and cut, alone and as the records of a batch whose CRC is right."""
    paths = []
    for number, source in enumerate(sorted((CORPUS / kind).iterdir())):
        data = source.read_bytes()
        for cut in {len(data), len(data) // 2, max(0, len(data) - 1)}:
            made = [data[:cut]] + [some()[0].having(attributes=codec).having_records(data[:cut]).data
                                   for codec in (*range(6), segment.CONTROL)]
            paths += [stored(tmp_path / "t-0", made[i], "%d-%d-%d" % (number, cut, i)) for i in range(len(made))]
            paths += [stored(tmp_path / "t-0", data[:cut], "%d-%d%s" % (number, cut, end))
                      for end in (".index", ".timeindex", ".txnindex", ".snapshot")]
    done = signet("inspect", "--records", *map(str, paths), check=False)
    assert "Sanitizer" not in done.stderr and done.returncode in (GOOD, FINDING, NO_ANSWER), done.stderr
    assert all(str(path) in done.stdout for path in paths)


BESIDE = {"producerId": "producer-id", "producerEpoch": "producer-epoch", "coordinatorEpoch": "coordinator-epoch",
          "currentTxnFirstOffset": "current-transaction-first-offset", "lastTimestamp": "last-timestamp-ms",
          "firstSequence": "first-sequence", "lastSequence": "last-sequence", "lastOffset": "last-offset",
          "offsetDelta": "offset-delta", "firstOffset": "first-offset", "lastStableOffset": "last-stable-offset",
          "offset": "offset", "position": "position", "version": "version", "timestamp": "timestamp-ms"}


@pytest.fixture(scope="module")
def beside(kafka):
    """The files beside three segments, by the ends of their names, and what Kafka's own tool prints of each entry."""
    endpoint = Endpoint(kafka.bootstrap(), kafka)
    topic = kafka.topic(exchange.group("beside"), 1, segment_bytes=1 << 20)
    transactions = [{"commit": index % 2 == 0,
                     "records": [Record(b"k", b"v" * 50_000, (), int(time.time() * 1000) + i) for i in range(14)]}
                    for index in range(4)]
    clients.produce(READER, endpoint.job(topic, transactional_id=exchange.group("beside"), batch_records=2,
                                         transactions=transactions)).check()
    folder = pathlib.Path(kafka.partition(topic))
    # Coordinators write markers, and brokers the lines about them, after they answered.
    eventually(lambda: sum(len(path.read_bytes()) for path in folder.glob("*.txnindex")) == 2 * len(ABORTED))
    paths = {end: sorted(folder.glob("*" + end)) for end in (".index", ".timeindex", ".txnindex", ".snapshot")}
    printed = kafka.admin("DumpLogSegments", "--files", ",".join(str(path) for found in paths.values() for path in found))
    dumped, at = {}, None
    for line in printed.splitlines():
        if line.startswith("Dumping "):
            at = dumped.setdefault(pathlib.Path(line.split(" ", 1)[1]), [])
        elif re.match(r"\w+: -?\d+", line):
            at.append({BESIDE[name]: int(value) for name, value in re.findall(r"(\w+): (-?\d+)", line)})
    return paths, dumped


@pytest.mark.parametrize("end, kind, count", [(".index", "offset", 8), (".timeindex", "time", 8),
                                              (".txnindex", "aborted transaction", 2), (".snapshot", "producer", 2)])
def test_beside_a_segment(beside, end, kind, count):
    """Entry by entry what Kafka's own tool prints, but for the room that a broker makes beforehand."""
    paths, dumped = beside
    entries = 0
    for path in paths[end]:
        found = [item for item in items(path) if item["kind"] == kind]
        expected = dumped[path]
        if kind in ("offset", "time") and not found:
            assert [entry["offset"] for entry in expected] in ([], [int(path.stem)])  # Zeros are no entry.
            continue
        for entry in expected:
            if kind == "producer":
                entry.pop("timestamp-ms", None)  # Its own last one, a second time.
        assert [{name: item[name] for name in entry} for item, entry in zip(found, expected)] == expected
        assert len(found) == len(expected)
        entries += len(found)
    assert entries >= count
    headers = [item for path in paths[end] for item in items(path) if item["kind"] == "producers"]
    assert len(headers) == (len(paths[end]) if kind == "producer" else 0)
    assert all(header["crc-right"] and header["version"] == 1 for header in headers)


def test_beside_a_segment_in_part(beside):
    """Offsets choose entries, and people are shown times."""
    paths, _ = beside
    path = paths[".txnindex"][-1]
    [item] = items(path)
    assert items("--offset", item["first-offset"], path) == [item] == items("--offset", item["last-offset"], path)
    assert items("--offset", item["last-offset"] + 1, path) == []
    entries = [entry for entry in items(paths[".index"][0]) if entry["kind"] == "offset"]
    chosen = "%d-%d" % (entries[1]["offset"], entries[2]["offset"])
    assert [entry for entry in items("--offset", chosen, paths[".index"][0]) if entry["kind"] == "offset"] == entries[1:3]
    assert "last-timestamp: 20" in inspect(paths[".snapshot"][-1])
    assert "kind: aborted transaction version: 0 producer-id: " in inspect(path)


def snapshot(entries, count=None, version=1, crc=None):
    body = struct.pack(">i", len(entries) if count is None else count) + b"".join(entries)
    return struct.pack(">hI", version, segment.crc32c(body) if crc is None else crc) + body


PRODUCER = struct.pack(">qhiqiqiq", 7, 1, 3, 40, 5, exchange.START, 0, -1)
ABORTED = struct.pack(">hqqqq", 0, 7, 1, 9, 10)
OFFSET = struct.pack(">ii", 5, 400)


@pytest.mark.parametrize("name, data, kinds, code", [
    ("00000000000000000100.index", OFFSET + OFFSET[:7], ["offset", "torn tail"], GOOD),
    ("00000000000000000100.index", bytes(8), ["preallocated zeros"], GOOD),
    ("00000000000000000100.index", OFFSET + bytes(100_003), ["offset", "preallocated zeros"], GOOD),
    ("00000000000000000100.index", bytes(16) + OFFSET + bytes(8), ["offset"] * 3 + ["preallocated zeros"], GOOD),
    ("00000000000000000100.index", b"\xff" * 8, ["offset"], GOOD),
    ("00000000000000000100.index.deleted", OFFSET, ["offset"], GOOD),
    ("copy.timeindex", b"\x01" * 25, ["time", "time", "torn tail"], GOOD),
    ("copy.txnindex", ABORTED + ABORTED[:33], ["aborted transaction", "torn tail"], GOOD),
    ("copy.txnindex", bytes(34) * 2, ["aborted transaction"] * 2, GOOD),
    ("copy.txnindex", b"", [], GOOD),
    ("a.snapshot", snapshot([PRODUCER] * 2), ["producers", "producer", "producer"], GOOD),
    ("a.snapshot", snapshot([]), ["producers"], GOOD),
    ("a.snapshot", snapshot([PRODUCER], crc=1), ["producers", "producer"], FINDING),
    ("a.snapshot", snapshot([PRODUCER], count=2), ["producers", "producer"], FINDING),
    ("a.snapshot", snapshot([PRODUCER])[:-1], ["producers", "torn tail"], FINDING),
    ("a.snapshot", snapshot([PRODUCER], count=2**31 - 1), ["producers", "producer"], FINDING),
    ("a.snapshot", snapshot([PRODUCER], count=-1), ["producers", "bytes behind the last producer"], FINDING),
    ("a.snapshot", snapshot([PRODUCER], count=0), ["producers", "bytes behind the last producer"], FINDING),
    ("a.snapshot", snapshot([PRODUCER], version=2), ["producers"], NO_ANSWER),
    ("a.snapshot", snapshot([PRODUCER])[:9], ["torn tail"], FINDING),
    ("a.snapshot", b"", [], FINDING),
])
def test_whatever_is_beside_a_segment(tmp_path, name, data, kinds, code):
    found = items(stored(tmp_path / "t-0", data, name), code=code)
    assert [item["kind"] for item in found] == kinds
    if "offset" in kinds:
        assert all(item["offset"] >= 99 for item in found if item["kind"] == "offset")
    if "time" in kinds:
        assert found[0]["relative-offset"] == 0x01010101


def test_a_long_index(tmp_path):
    """What stands behind a long run of zeros is found once, however many entries of zeros are before it."""
    path = stored(tmp_path / "t-0", bytes(160_000) + OFFSET, "00000000000000000000.index")
    assert len(items(path)) == 20_001
