# SPDX-License-Identifier: Apache-2.0
"""What nobody should send, from clients and from brokers: it costs the connection that it comes over, and nobody else anything."""

import contextlib
import hashlib
import random
import socket
import struct
import threading
import time

import exchange
import processes
import pytest
import segment
import wire
from clients import Record
from exchange import Endpoint
from gateway import Gateway
from processes import eventually
from steady import Steady

# Freed memory that the sanitizer holds back would hide what the gateway itself keeps.
SMALL = ("env", "ASAN_OPTIONS=quarantine_size_mb=4:malloc_context_size=2")
MEMORY_MIB = 16
# The budget, one frame beside it, buffers of the kernel's that count as ours, and what sanitizers add.
GROWTH_MIB_MAX = 96
FAKE_NODE = 9


class Fake(wire.FakeBroker):
    """A broker that the gateway takes for node 9 of a real cluster; each test says how it serves."""

    def __init__(self):
        super().__init__(lambda connection: self.how(connection))
        self.how = None


@pytest.fixture(scope="module")
def fake():
    with Fake() as broker:
        yield broker


@pytest.fixture(scope="module")
def gateway(tmp_path_factory, kafka, fake):
    """Small limits; topics are sealed, but for those that begin with clear."""
    block = processes.ports(12)
    running = Gateway(
        tmp_path_factory.mktemp("bad-input"), kafka, wrapper=SMALL,
        topics=[{"match": "*", "seal": True}, {"match": "clear*", "seal": False}],
        listener={"address": "127.0.0.1:%d" % block[0],
                  "advertised": {"host": "127.0.0.1", "node-port-base": block[1], "node-ports": 10}},
        settings={
            "cluster": {"bootstrap-servers": [kafka.address()], "nodes": [{"id": FAKE_NODE, "address": fake.address}]},
            "limits": {"memory": "%dMiB" % MEMORY_MIB, "frame-bytes": "4MiB", "connections": 400,
                       "idle-timeout": "4s", "handshake-timeout": "2s"},
        })
    running.bootstrap = "127.0.0.1:%d" % block[0]
    running.fake_node = "127.0.0.1:%d" % (block[1] + FAKE_NODE)
    with running:
        yield running


@pytest.fixture(scope="module")
def endpoint(gateway, kafka):
    return Endpoint(gateway.bootstrap, kafka, by_batch=True)


class Unharmed:
    """While in its with block somebody honest uses the gateway, and must notice nothing; nor may the gateway grow."""

    def __init__(self, gateway, endpoint):
        self.gateway, self.endpoint = gateway, endpoint
        self.most = 0

    def __enter__(self):
        self.topic = self.endpoint.topic("honest")
        self.steady = Steady(self.endpoint, self.topic, padding=1000)
        self.steady.__enter__()
        time.sleep(0.2)
        self.before = self.gateway.resident_bytes()
        self.done = threading.Event()
        self.watching = threading.Thread(target=self._watch, daemon=True)
        self.watching.start()
        return self

    def __exit__(self, kind, *rest):
        self.done.set()
        self.watching.join()
        self.steady.__exit__(kind, *rest)
        if kind is None:
            self.steady.check(exchange.receive(self.endpoint, "librdkafka", self.topic, self.steady.sent))
            assert self.steady.slowest < 4, self.steady.slowest
            assert not self.gateway.events("batch-refused", topic=self.topic)
            assert self.most - self.before < GROWTH_MIB_MAX << 20, (self.before, self.most)

    def _watch(self):
        while not self.done.wait(0.05):
            self.most = max(self.most, self.gateway.resident_bytes())


@pytest.fixture
def unharmed(gateway, endpoint):
    with Unharmed(gateway, endpoint) as honest:
        yield honest


# What clients of one address do wrong in the same way is told once: here everyone is somebody else.
SOURCES = map("127.0.1.%d".__mod__, range(1, 255))


def whys(gateway, since, *names):
    return [event["why"] for event in gateway.events() if event["event"] in names and "why" in event][since:]


ENDED = ("conversation-ended", "client-failed", "broker-failed")


def header(api, version, correlation=1, client_size=None):
    return struct.pack(">hhih", api, version, correlation, 4 if client_size is None else client_size) + b"wire"


FLEXIBLE = b"\0"  # no tagged fields
LONG_VARINT = b"\xff\xff\xff\xff\x0f"
ENDLESS_VARINT = b"\xff" * 12

# What a client sends, and a word of the log's; None where the connection just closes.
FROM_CLIENTS = {
    "size that is negative": (b"\xff\xff\xff\xff", "frame of -1 bytes"),
    "size that is the least": (b"\x80\0\0\0", "frame of"),
    "size that is the most": (b"\x7f\xff\xff\xff", "frame of 2147483647 bytes"),
    "size over the limit": (struct.pack(">i", (4 << 20) + 1), "at most 4194304"),
    "nothing in a frame": (wire.frame(b""), "cannot be read"),
    "a byte in a frame": (wire.frame(b"\0"), "cannot be read"),
    "half a header": (wire.frame(header(3, 4)[:7]), "cannot be read"),
    "no name of the client": (wire.frame(header(3, 4)[:8]), "cannot be read"),
    "a name longer than the frame": (wire.frame(header(3, 4, client_size=32767)), "cannot be read"),
    "a name of negative length": (wire.frame(header(3, 4, client_size=-7)), "cannot be read"),
    "header tags without end": (wire.frame(header(3, 12) + ENDLESS_VARINT), "cannot be read"),
    "header tags that lie": (wire.frame(header(3, 12) + b"\x01\x00" + LONG_VARINT), "cannot be read"),
    "unknown API": (wire.request(999, 0), "API key 999"),
    "negative API": (wire.request(-1, 0), "API key -1"),
    "brokers' own API": (wire.request(4, 0), "not served"),
    "version of the future": (wire.frame(header(wire.METADATA, 99) + FLEXIBLE), "Metadata version 99"),
    "negative version": (wire.request(wire.METADATA, -1), "not served"),
    "produce without a body": (wire.request(wire.PRODUCE, 3), "broke the protocol"),
    "produce, topics without end": (wire.request(wire.PRODUCE, 3, struct.pack(">hhii", -1, -1, 1000, 0x7fffffff)), "protocol"),
    "produce, negative topics": (wire.request(wire.PRODUCE, 3, struct.pack(">hhii", -1, -1, 1000, -2)), "protocol"),
    "produce, partitions without end": (
        wire.request(wire.PRODUCE, 3, struct.pack(">hhii", -1, -1, 1000, 1) + wire.text("clear") + b"\x7f\xff\xff\xff"), "protocol"),
    "produce, records that lie": (
        wire.request(wire.PRODUCE, 3, struct.pack(">hhii", -1, -1, 1000, 1) + wire.text("clear") +
                     struct.pack(">iii", 1, 0, 0x7fffffff)), "protocol"),
    "produce, negative records": (
        wire.request(wire.PRODUCE, 3, struct.pack(">hhii", -1, -1, 1000, 1) + wire.text("clear") +
                     struct.pack(">iii", 1, 0, -5)), "protocol"),
    "produce, more behind the end": (wire.produce("clear", b"")[:-1] + b"\0\0\0", None),
    "flexible produce, topics without end": (
        wire.frame(header(wire.PRODUCE, 9) + FLEXIBLE + b"\0" + struct.pack(">hi", -1, 1000) + LONG_VARINT), "protocol"),
    "flexible produce, endless varint": (
        wire.frame(header(wire.PRODUCE, 9) + FLEXIBLE + b"\0" + struct.pack(">hi", -1, 1000) + ENDLESS_VARINT), "protocol"),
    "fetch without a body": (wire.request(wire.FETCH, 4), "protocol"),
    "fetch, topics without end": (wire.request(wire.FETCH, 4, struct.pack(">iiiibi", -1, 0, 1, 1, 0, 0x7fffffff)), "protocol"),
    "fetch as a replica": (wire.request(wire.FETCH, 4, struct.pack(">iiiibi", 2, 0, 1, 1, 0, 0)), "replica"),
    "TLS": (bytes.fromhex("1603010200010001fc0303") + bytes(500), "frame of 369295618 bytes"),
    "HTTP": (b"GET / HTTP/1.1\r\nHost: kafka\r\n\r\n", "frame of 1195725856 bytes"),
    "noise": (bytes(random.Random(1).randbytes(2000)), "client"),
}


@pytest.mark.parametrize("label", FROM_CLIENTS)
def test_from_a_client(gateway, label):
    data, word = FROM_CLIENTS[label]
    before = len(whys(gateway, 0, *ENDED))
    with wire.Wire(gateway.bootstrap, source=next(SOURCES)) as connection:
        connection.send(data)
        if word is None:
            connection.socket.shutdown(socket.SHUT_WR)
        assert connection.is_closed()
    if word:
        told = whys(gateway, before, *ENDED)
        assert any(word in why for why in told), told


def test_a_version_of_api_versions_that_nobody_knows(gateway):
    """The one request whose version may be anything: the answer is version 0, with error 35."""
    with wire.Wire(gateway.bootstrap) as connection:
        answer = connection.ask(wire.frame(header(wire.API_VERSIONS, 99, correlation=5) + FLEXIBLE))
        assert struct.unpack_from(">ih", answer) == (5, 35)
        assert connection.ask(wire.request(wire.API_VERSIONS, 0))


def mutants(count):
    """Good requests with some bytes changed, and frames of noise."""
    chance = random.Random(7)
    batch = segment.forge([(b"k", b"v")]).data
    good = [wire.metadata("clear"), wire.fetch("clear"), wire.fetch("sealed"), wire.produce("clear", batch),
            wire.produce("sealed", batch), wire.request(wire.API_VERSIONS, 0)]
    for i in range(count):
        data = bytearray(good[i % len(good)])
        for _ in range(chance.randint(1, 6)):
            data[chance.randrange(4, len(data))] = chance.choice((0, 1, 0x7f, 0x80, 0xff, chance.randrange(256)))
        yield bytes(data)
        noise = chance.randbytes(chance.randint(1, 200))
        yield wire.frame(struct.pack(">hh", chance.randrange(93), chance.randrange(20)) + noise)


def test_mutants(gateway, unharmed):
    for data in mutants(300):
        with wire.Wire(gateway.bootstrap) as connection:
            connection.send(data)
            connection.socket.shutdown(socket.SHUT_WR)
            assert connection.is_closed(20), data


def test_truncated_frames(gateway, unharmed):
    """A good request that ends after each of its bytes, by a close and by a reset."""
    whole = wire.produce("clear", segment.forge([(b"k", b"v")]).data)
    for size in range(len(whole)):
        connection = wire.Wire(gateway.bootstrap)
        connection.send(whole[:size])
        if size % 2:
            connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.socket.close()


def test_half_closed(gateway):
    """Whoever says that nothing more comes is let go, as brokers do."""
    with wire.Wire(gateway.bootstrap) as connection:
        assert connection.ask(wire.request(wire.API_VERSIONS, 0))
        connection.socket.shutdown(socket.SHUT_WR)
        assert connection.is_closed()


def test_silence(gateway, unharmed):
    """Connections that say nothing end after the idle timeout."""
    silent = [wire.Wire(gateway.bootstrap) for _ in range(100)]
    began = time.monotonic()
    assert all(connection.is_closed(12) for connection in silent)
    assert 2 < time.monotonic() - began < 10
    assert gateway.events("idle")


def test_a_byte_now_and_then(gateway, unharmed):
    """Many large frames, each announced and then sent very slowly."""
    slow = [wire.Wire(gateway.bootstrap) for _ in range(60)]
    for connection in slow:
        connection.send(struct.pack(">i", 60_000) + header(wire.PRODUCE, 3))
    for _ in range(30):
        for connection in slow:
            connection.send(b"\0")
        time.sleep(0.1)
    for connection in slow:
        connection.socket.close()


def test_large_frames_at_once(gateway, unharmed, kafka, endpoint):
    """More than the memory that there is: they take turns, and none is lost."""
    topic = endpoint.topic("clear-large", max_message_bytes=3 << 20)
    batch = segment.forge([(None, b"x" * (2 << 20))]).data
    answers = []

    def send():
        with wire.Wire(gateway.bootstrap, seconds=60) as connection:
            answers.append(connection.ask(wire.produce(topic, batch)))

    threads = [threading.Thread(target=send) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    errors = [struct.unpack_from(">h", answer, 8 + 2 + len(topic) + 8)[0] for answer in answers if answer]
    assert errors == [0] * 20, (answers, errors)


def test_large_frames_that_dawdle(tmp_path, kafka):
    """All memory is held by requests that come in a byte at a time: they make room for those who mean it."""
    limits = {"memory": "%dMiB" % MEMORY_MIB, "frame-bytes": "4MiB", "handshake-timeout": "1s"}
    with Gateway(tmp_path, kafka, settings={"limits": limits, "workers": 1}) as gateway:
        endpoint = Endpoint(gateway.bootstrap, kafka, by_batch=True)
        topic = endpoint.topic("patient")
        slow = [wire.Wire(gateway.bootstrap) for _ in range(8)]
        for connection in slow:
            connection.send(struct.pack(">i", 2_700_000) + header(wire.PRODUCE, 3))
        done = threading.Event()

        def trickle():
            while not done.wait(0.1):
                for connection in slow:
                    with contextlib.suppress(OSError):
                        connection.send(b"\0")

        thread = threading.Thread(target=trickle)
        thread.start()
        time.sleep(0.5)
        sent = [Record(None, b"w" * 900_000, (), exchange.START, 0) for _ in range(4)]
        exchange.send(endpoint, "librdkafka", topic, sent)
        done.set()
        thread.join()
        assert any("waited for memory" in why for why in whys(gateway, 0, "client-failed"))
        for connection in slow:
            connection.socket.close()


def test_waiting_for_memory_costs_no_time(gateway):
    """Whoever waits for memory waits without spinning."""
    holders = [wire.Wire(gateway.bootstrap) for _ in range(16)]
    for connection in holders:
        connection.send(struct.pack(">i", 3 << 20) + header(wire.PRODUCE, 3))
    time.sleep(0.2)
    for connection in holders:  # Only now is room for the whole of it asked for.
        connection.send(b"\0")
    time.sleep(0.3)
    before, began = cpu_seconds(gateway), time.monotonic()
    time.sleep(2)
    assert cpu_seconds(gateway) - before < 0.15 * (time.monotonic() - began)
    for connection in holders:
        connection.socket.close()


def cpu_seconds(gateway):
    with open("/proc/%d/stat" % gateway.child.pid) as file:
        fields = file.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100


def test_slow_consumer(gateway, unharmed, endpoint):
    """Megabytes are fetched by clients that read none of them."""
    topic = endpoint.topic("clear-slow")
    sent = [Record(None, b"y" * 500_000, (), exchange.START, 0) for _ in range(20)]
    exchange.send(endpoint, "librdkafka", topic, sent)
    lazy = [wire.Wire(gateway.bootstrap) for _ in range(20)]
    for connection in lazy:
        connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        for offset in range(20):
            connection.send(wire.fetch(topic, offset=offset, max_bytes=2 << 20))
    time.sleep(3)
    for connection in lazy:
        connection.socket.close()


def test_connections_full_and_free_again(tmp_path, kafka):
    settings = {"limits": {"connections": 10}}
    with Gateway(tmp_path, kafka, settings=settings) as gateway:
        held = [wire.Wire(gateway.bootstrap) for _ in range(10)]
        for connection in held:
            assert connection.ask(wire.request(wire.API_VERSIONS, 0))
        with wire.Wire(gateway.bootstrap) as late:
            late.send(wire.request(wire.API_VERSIONS, 0))
            late.socket.settimeout(0.7)
            with pytest.raises(TimeoutError):
                late.receive()
            assert 1 <= len(gateway.events("connections-full")) <= 2
            held.pop().socket.close()
            late.socket.settimeout(5)
            assert late.receive()
        for connection in held:
            assert connection.ask(wire.metadata())
            connection.socket.close()
        exchange.groups(Endpoint(gateway.bootstrap, kafka, by_batch=True), "librdkafka")


def test_strangers_at_one_listener(tmp_path, kafka):
    """Who comes to a listener with a limit of its own takes no place from the others."""
    port, base = processes.ports(4)[:2]
    exposed = {
        "name": "exposed", "address": "127.0.0.1:%d" % port, "clients-known-by": "loopback", "connections": 3,
        "advertised": {"host": "127.0.0.1", "node-port-base": base, "node-ports": 2},
    }
    gateway = Gateway(tmp_path, kafka, settings={"limits": {"connections": 6}})
    gateway.settings["listeners"] = [gateway.listener, exposed]
    with gateway:
        strangers = [wire.Wire(exposed["address"]) for _ in range(10)]
        (full, *_) = eventually(lambda: gateway.events("connections-full"))
        assert (full["listener"], full["connections"]) == ("exposed", 3)
        for _ in range(2):
            with wire.Wire(gateway.bootstrap) as one, wire.Wire(gateway.bootstrap) as other:
                assert one.ask(wire.metadata()) and other.ask(wire.metadata())
        # Those that have come in go, and others of theirs come after them.
        for connection in strangers[:8]:
            connection.socket.close()
        assert strangers[-1].ask(wire.metadata())


def test_no_descriptors(tmp_path, kafka):
    """Fewer descriptors than connections: those that there are for go on, and the others wait."""
    with Gateway(tmp_path, kafka, wrapper=("prlimit", "--nofile=60:60", "--")) as gateway:
        assert gateway.events("few-descriptors", limit=60)
        first = wire.Wire(gateway.bootstrap)
        assert first.ask(wire.request(wire.API_VERSIONS, 0))
        many = []
        for _ in range(100):
            many.append(wire.Wire(gateway.bootstrap))
            many[-1].send(wire.request(wire.API_VERSIONS, 0))
        time.sleep(1)
        assert first.ask(wire.metadata())
        assert any("Too many open files" in event.get("why", "") for event in gateway.events())
        for connection in many:
            connection.socket.close()
        exchange.groups(Endpoint(gateway.bootstrap, kafka, by_batch=True), "librdkafka")
        assert first.ask(wire.metadata())


# Towards TLS.


@pytest.fixture(scope="module")
def behind_tls(tmp_path_factory, kafka, authority):
    certificate = authority.issue("bad-input")
    listener = {"tls": {"certificate": certificate.certificate, "key": certificate.key}}
    with Gateway(tmp_path_factory.mktemp("behind-tls"), kafka, listener=listener,
                 settings={"limits": {"handshake-timeout": "1s"}}) as running:
        yield running


HELLO = bytes.fromhex("16030100c8010000c40303") + bytes(32) + b"\0"
TOWARDS_TLS = {
    "Kafka without TLS": wire.request(wire.API_VERSIONS, 0),
    "HTTP": b"GET / HTTP/1.1\r\nHost: kafka\r\n\r\n",
    "noise": random.Random(5).randbytes(1000),
    "an empty record": bytes.fromhex("1603010000") * 50,
    "a record that is too long": bytes.fromhex("160301ffff") + bytes(70000),
    "an alert": bytes.fromhex("15030100020228"),
    "SSL 3": bytes.fromhex("160300002e0100002a0300") + bytes(40),
    "nothing": b"",
    "half a hello": HELLO,
}


@pytest.mark.parametrize("label", TOWARDS_TLS)
def test_towards_tls(behind_tls, label):
    data = TOWARDS_TLS[label]
    before = len(whys(behind_tls, 0, "client-failed"))
    with wire.Wire(behind_tls.bootstrap, source=next(SOURCES)) as connection:
        with contextlib.suppress(ConnectionError):
            connection.send(data)
        assert connection.is_closed()
    deadline = time.monotonic() + 5
    while not (told := whys(behind_tls, before, "client-failed")):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    late = data in (b"", HELLO)
    assert ("handshake-timeout" in told[0]) == late and (late or "TLS" in told[0]), told


def test_a_hello_byte_by_byte(behind_tls, kafka, authority):
    """It is given up in spite of its progress, and others come in meanwhile."""
    began = time.monotonic()
    with wire.Wire(behind_tls.bootstrap) as connection:
        with contextlib.suppress(ConnectionError):
            for byte in HELLO + bytes(150):
                connection.send(bytes([byte]))
                time.sleep(0.05)
                if time.monotonic() - began > 4:
                    break
        assert connection.is_closed(1) and 1 <= time.monotonic() - began < 4
    endpoint = Endpoint(behind_tls.bootstrap, kafka, {"security": "ssl", "ca": authority.ca}, by_batch=True)
    exchange.groups(endpoint, "librdkafka")


def test_tls_towards_a_broker_without(tmp_path, kafka, authority):
    with Gateway(tmp_path, kafka, cluster_tls={"ca": authority.ca}) as gateway:
        with wire.Wire(gateway.bootstrap) as connection:
            connection.send(wire.request(wire.API_VERSIONS, 0))
            assert connection.is_closed()
        (failed,) = gateway.events("broker-failed", level="warning")
        assert kafka.address() in failed["why"], failed


def test_no_tls_towards_a_broker_with(tmp_path, secure_kafka):
    with Gateway(tmp_path, secure_kafka, "SECURE") as gateway:
        with wire.Wire(gateway.bootstrap) as connection:
            connection.send(wire.request(wire.API_VERSIONS, 0))
            assert connection.is_closed()
        assert whys(gateway, 0, *ENDED), gateway.log()


# From brokers.


def saying(data, first=True):
    """A broker that answers each request, or greets whoever connects, with the same bytes."""
    def serve(connection):
        if first:
            connection.recv(1 << 16)
        connection.sendall(data)
        connection.recv(1 << 16)
    return serve


def api_versions_response(count=1, correlation=1):
    return wire.frame(struct.pack(">ihi", correlation, 0, count) + struct.pack(">hhh", 3, 0, 4))


def metadata_response(nodes=((1, b"127.0.0.1", 9092),), count=None, cluster=None, correlation=1):
    """Metadata 4 without topics."""
    brokers = b"".join(struct.pack(">ih", node, len(host)) + host + struct.pack(">ih", port, -1) for node, host, port in nodes)
    name = struct.pack(">h", -1) if cluster is None else wire.text(cluster)
    count = len(nodes) if count is None else count
    return wire.frame(struct.pack(">iii", correlation, 0, count) + brokers + name + struct.pack(">ii", 1, 0))


def fetch_response(topic, records, size=None, partitions=1, correlation=1):
    """Fetch 4 of one partition."""
    body = struct.pack(">iii", correlation, 0, 1) + wire.text(topic) + struct.pack(">iihqqi", partitions, 0, 0, 9, 9, -1)
    return wire.frame(body + struct.pack(">i", len(records) if size is None else size) + records)


ASK_VERSIONS = wire.request(wire.API_VERSIONS, 0)
ASK_METADATA = wire.metadata()
ASK_CLEAR = wire.fetch("clear")

# What a client asks, what a broker then says, and a word of the log's.
FROM_BROKERS = {
    "size that is negative": (ASK_VERSIONS, b"\xff\xff\xff\xff", "frame of -1 bytes"),
    "size that is the most": (ASK_VERSIONS, b"\x7f\xff\xff\xff", "frame of 2147483647"),
    "nothing in a frame": (ASK_VERSIONS, wire.frame(b""), "does not belong"),
    "another's answer": (ASK_VERSIONS, api_versions_response(correlation=2), "does not belong"),
    "two answers": (ASK_VERSIONS, 2 * api_versions_response(), "nobody asked"),
    "HTTP": (ASK_VERSIONS, b"HTTP/1.1 400 Bad Request\r\n\r\n", "frame of 1213486160"),
    "TLS alert": (ASK_VERSIONS, bytes.fromhex("15030100020246"), "frame of 352518400"),
    "versions, count without end": (ASK_VERSIONS, api_versions_response(0x7fffffff), "cannot be used"),
    "versions, negative count": (ASK_VERSIONS, api_versions_response(-3), "cannot be used"),
    "nodes without end": (ASK_METADATA, metadata_response(count=0x7fffffff), "cannot be used"),
    "a host longer than the frame": (ASK_METADATA, metadata_response()[:16] + b"\0\0\0\1\x7f\xff" + bytes(40), "broker"),
    "a host that is none": (ASK_METADATA, metadata_response([(1, b"no host\n", 9092)]), "node 1"),
    "a port that is none": (ASK_METADATA, metadata_response([(1, b"kafka", 70000)]), "node 1"),
    "a node beyond the ports": (ASK_METADATA, metadata_response([(1 << 30, b"kafka", 9092)]), "node 1073741824"),
    "another cluster": (ASK_METADATA, metadata_response(cluster="another"), "another cluster"),
    "half an answer": (ASK_METADATA, wire.frame(metadata_response()[4:20]), "cannot be used"),
    "records longer than the frame": (ASK_CLEAR, fetch_response("clear", b"", size=1 << 20), "cannot be used"),
    "records of negative size": (ASK_CLEAR, fetch_response("clear", b"", size=-9), "cannot be used"),
    "partitions without end": (ASK_CLEAR, fetch_response("clear", b"", partitions=0x7fffffff), "cannot be used"),
}


@pytest.mark.parametrize("label", FROM_BROKERS)
def test_from_a_broker(gateway, fake, label):
    question, data, word = FROM_BROKERS[label]
    fake.how = saying(data)
    before = len(whys(gateway, 0, *ENDED))
    with wire.Wire(gateway.fake_node, source=next(SOURCES)) as connection:
        connection.send(question)
        assert connection.is_closed()
    told = whys(gateway, before, *ENDED)
    assert any(word in why for why in told), told


def test_a_broker_that_speaks_first(gateway, fake):
    fake.how = saying(api_versions_response(), first=False)
    with wire.Wire(gateway.fake_node) as connection:
        assert connection.is_closed()


@pytest.mark.parametrize("size", [0, 3, 4, 10])
def test_a_broker_that_stops(gateway, fake, size):
    """In the middle of an answer: the client gets none of it, and is let go."""
    def serve(connection):
        connection.recv(1 << 16)
        connection.sendall(api_versions_response()[:size])

    fake.how = serve
    with wire.Wire(gateway.fake_node) as connection:
        assert connection.ask(ASK_VERSIONS) is None


def test_a_broker_that_is_not_there(gateway, fake, unharmed):
    """It accepts and says nothing. Its clients wait for as long as it does, past the idle timeout."""
    fake.how = lambda connection: time.sleep(7)
    waiting = [wire.Wire(gateway.fake_node) for _ in range(30)]
    for connection in waiting:
        connection.send(ASK_VERSIONS)
    assert not waiting[0].is_closed(5.5)
    assert all(connection.is_closed(6) for connection in waiting)


def test_a_broker_that_reads_nothing(gateway, fake, unharmed):
    """Clients send it far more than there is memory for: they are held back."""
    fake.how = lambda connection: time.sleep(12)
    batch = segment.forge([(None, b"z" * 1_000_000)]).data
    held_back = []

    def send():
        with wire.Wire(gateway.fake_node, seconds=2) as connection:
            try:
                for _ in range(100):
                    connection.send(wire.produce("clear", batch))
            except OSError as error:
                held_back.append(error)

    threads = [threading.Thread(target=send) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(held_back) == 10


def lookup_response(topic, correlation):
    """Metadata 12 of one topic, as the gateway itself asks for it."""
    name = bytes([len(topic) + 1]) + topic.encode()
    one = struct.pack(">h", 0) + name + hashlib.md5(name).digest() + b"\0" + b"\x01" + struct.pack(">i", -(1 << 31)) + b"\0"
    return wire.frame(struct.pack(">i", correlation) + b"\0" + struct.pack(">i", 0) + b"\x01" + b"\x00" +
                      struct.pack(">i", 1) + b"\x02" + one + b"\0")


GOOD = segment.forge([(b"k", b"v")]).data
BAD_BATCHES = {
    "noise": (random.Random(3).randbytes(500), "malformed"),
    "in clear": (GOOD, "unsealed"),
    "a size beyond the end": (GOOD[:8] + b"\x7f\xff\xff\xff" + GOOD[12:], None),  # as honest answers may end, too
    "a size that is negative": (GOOD[:8] + b"\xff\xff\xff\xff" + GOOD[12:], "malformed"),
    "an old magic": (GOOD[:16] + b"\1" + GOOD[17:], "unsealed"),
    "a count that lies": (GOOD[:57] + b"\x7f\xff\xff\xff" + GOOD[61:], "altered"),
    "a magic of the future": (GOOD[:16] + b"\3" + GOOD[17:], "malformed"),
    "an envelope that is none": (segment.forge([(None, b"SGNB" + bytes(500))]).data, "unsupported"),
}


@pytest.mark.parametrize("label", BAD_BATCHES)
def test_batches_from_a_broker(gateway, fake, label):
    """Nothing of a bad batch reaches a client, only an error."""
    batch, verdict = BAD_BATCHES[label]
    topic = "sealed-" + label.replace(" ", "-")

    def answer(api, version, correlation, body):
        if api == wire.METADATA:
            return lookup_response(topic, correlation)
        return fetch_response(topic, batch, correlation=correlation)

    fake.how = wire.answering(answer)
    with wire.Wire(gateway.fake_node) as connection:
        got = connection.ask(wire.fetch(topic))
        assert got, gateway.log()[-2000:]
        at = 12 + 2 + len(topic) + 8
        assert struct.unpack_from(">h", got, at)[0] == (2 if verdict else 0) and got[-4:] == b"\0\0\0\0"
    assert [refused[0] for refused in gateway.refusals(topic)] == [verdict] * bool(verdict)
