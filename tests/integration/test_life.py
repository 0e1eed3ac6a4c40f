# SPDX-License-Identifier: Apache-2.0
"""A gateway's life under traffic: ended, restarted, reloaded, killed, and cut off from its brokers."""

import base64
import contextlib
import json
import os
import re
import signal
import struct
import threading
import time

import clients
import exchange
import pytest
import segment
import wire
from between import Between
from clients import CLIENTS, Record
from envelope import Envelope
from exchange import Endpoint
from gateway import Gateway, signet
from kafka import ROOT
from machine import lacks
from processes import eventually
from steady import Steady

PARAMETRIZE_CLIENT = pytest.mark.parametrize("client", CLIENTS)
RELEASE = os.environ.get("SIGNET_RELEASE") or os.path.join(ROOT, "build/signet")


def through(gateway, kafka, **options):
    return Endpoint(gateway.bootstrap, kafka, by_batch=True, **options)


def stored(kafka, topic, partition=0):
    return [batch for path in kafka.segments(topic, partition) for batch in segment.read(path)]


def envelopes(kafka, topic, partition=0):
    return [Envelope(batch) for batch in stored(kafka, topic, partition) if not batch.control]


@pytest.fixture
def between(kafka):
    with Between(kafka) as standing:
        yield standing


# The end.


def one_batch(text=b"v"):
    return segment.forge([(b"k", text)]).data


def produce_error(answer, topic):
    return struct.unpack_from(">h", answer, 8 + 2 + len(topic) + 8)[0]


def wait_exit(gateway, seconds):
    status = gateway.child.wait(seconds)
    gateway.child = None
    return status


@contextlib.contextmanager
def produce_in_flight(directory, kafka, between, **settings):
    """A gateway with an idle connection, and a produce request that the broker's answer is held back for."""
    with Gateway(directory, kafka, settings=between.settings(**settings)) as gateway:
        topic = through(gateway, kafka).topic("in-flight")
        with wire.Wire(gateway.bootstrap, seconds=30) as busy, wire.Wire(gateway.bootstrap) as idle:
            for connection in (busy, idle):
                assert connection.ask(wire.metadata(topic))
            between.flowing.clear()
            busy.send(wire.produce(topic, one_batch()))
            time.sleep(0.3)
            yield gateway, topic, busy, idle
            between.flowing.set()


def test_drains(tmp_path, kafka, between):
    """What is in flight is answered, who is idle is let go, nobody new is let in; then it ends well."""
    with produce_in_flight(tmp_path, kafka, between) as (gateway, topic, busy, idle):
        gateway.child.send_signal(signal.SIGTERM)
        assert idle.is_closed(3)
        time.sleep(0.3)
        assert gateway.child.poll() is None and gateway.events("draining")
        with pytest.raises(ConnectionRefusedError):
            wire.Wire(gateway.bootstrap)
        between.flowing.set()
        # The look-up of the topic's id may have been held back too, so that there are two answers to wait for.
        assert produce_error(busy.receive(), topic) == 0
        assert busy.receive() is None
        assert wait_exit(gateway, 5) == 0 and gateway.events("drained")


@pytest.mark.parametrize("second", [signal.SIGTERM, signal.SIGINT])
def test_second_signal_ends_at_once(tmp_path, kafka, between, second):
    with produce_in_flight(tmp_path, kafka, between) as (gateway, _, busy, _idle):
        gateway.child.send_signal(signal.SIGTERM)
        time.sleep(0.3)
        assert gateway.child.poll() is None
        gateway.child.send_signal(second)
        assert wait_exit(gateway, 3) == 0
        assert busy.receive() is None


def test_draining_has_an_end(tmp_path, kafka, between):
    limits = {"drain-timeout": "1s"}
    with produce_in_flight(tmp_path, kafka, between, limits=limits) as (gateway, _, busy, _idle):
        gateway.child.send_signal(signal.SIGTERM)
        assert wait_exit(gateway, 4) == 0 and gateway.events("drain-ended")
        assert busy.receive() is None


def test_signals_by_the_dozen(tmp_path, kafka):
    """Reloads and ends that come faster than they are heeded."""
    with Gateway(tmp_path, kafka) as gateway:
        for _ in range(30):
            gateway.child.send_signal(signal.SIGHUP)
        for _ in range(10):
            gateway.child.send_signal(signal.SIGTERM)
            gateway.child.send_signal(signal.SIGINT)
        assert wait_exit(gateway, 10) == 0


# Reloading.


def test_new_recipient(tmp_path, kafka):
    """From the reload on, another key opens too; what was sealed before it does not open."""
    gateway = Gateway(tmp_path / "one", kafka)
    with gateway:
        endpoint = through(gateway, kafka)
        topic = endpoint.topic("recipients")
        first, later = exchange.plain_records(3, "first"), exchange.plain_records(3, "later")
        exchange.send(endpoint, "librdkafka", topic, first)
        gateway.recipients = gateway.opens = ("analytics", "backup")
        gateway.write()
        gateway.reload()
        exchange.send(endpoint, "librdkafka", topic, later)
        assert [e.read("recipient count")[0] for e in envelopes(kafka, topic)] == [1, 2]
        exchange.check_same(first + later, exchange.receive(endpoint, "librdkafka", topic, 6))
        other = Gateway(tmp_path / "other", kafka, opens=("backup",), recipients=("backup",), keys=gateway.keys)
        with other:
            assert exchange.contents(exchange.receive(through(other, kafka), "librdkafka", topic, 3, start={"0": 3})) == later
            result = clients.consume("java", through(other, kafka).job(topic, count=1, timeout_ms=4000))
            assert result.codes == {2}, result
            assert other.refusals(topic) == [("key unavailable", 0, 0)]


def test_trust_is_read_again(tmp_path, kafka):
    with Gateway(tmp_path, kafka) as gateway:
        endpoint = through(gateway, kafka)
        topic = endpoint.topic("trust")
        sent = exchange.plain_records(3)
        exchange.send(endpoint, "java", topic, sent)
        for trusted, works in (({"somebody": ["*"]}, False), ({"gateway-a": ["*"]}, True), ({"gateway-a": ["x*"]}, False)):
            gateway.trusted = trusted
            gateway.write()
            gateway.reload()
            result = clients.consume("java", endpoint.job(topic, count=3, timeout_ms=6000))
            assert result.codes == (set() if works else {2}), (trusted, result)
        assert gateway.refusals(topic) == [("unknown writer", 0, 0), ("writer not trusted", 0, 0)]


def test_policy_is_read_again(tmp_path, kafka):
    """Also for connections that are there already."""
    with Gateway(tmp_path, kafka) as gateway, wire.Wire(gateway.bootstrap) as connection:
        topic = through(gateway, kafka).topic("policy")
        for seals in (True, False, True):
            gateway.topics = [{"match": "*", "seal": seals}]
            gateway.write()
            gateway.reload()
            assert produce_error(connection.ask(wire.produce(topic, one_batch(b"as it is"))), topic) == 0
        assert [b"as it is" in batch.data for batch in stored(kafka, topic)] == [False, True, False]


@pytest.mark.parametrize("broken", ["gateway.yaml", "trust.yaml", "keys/gateway-a.key", "keys/analytics.pub", "keys/analytics.key"])
def test_bad_files_are_refused(tmp_path, kafka, broken):
    """Nothing of a configuration with a fault in it is used, and everything goes on as before."""
    with Gateway(tmp_path, kafka) as gateway:
        endpoint = through(gateway, kafka)
        topic = endpoint.topic("bad-file")
        path = tmp_path / broken
        good = path.read_bytes()
        gateway.topics = [{"match": "*", "seal": False}]
        gateway.write()
        path.write_bytes(good[:len(good) // 2] if broken != "gateway.yaml" else b"cluster: {}\n")
        gateway.reload()
        assert len(gateway.events("reload-refused")) == 1 and not gateway.events("reloaded")
        assert any(broken.rpartition("/")[2] in json.dumps(event) for event in gateway.events("configuration", level="error"))
        exchange.groups(endpoint, "librdkafka")
        exchange.send(endpoint, "librdkafka", topic, exchange.plain_records(2))
        assert envelopes(kafka, topic)


def test_reloads_under_traffic(tmp_path, kafka, consumers):
    """Keys, trust and policy change places every moment; nobody notices."""
    with Gateway(tmp_path, kafka) as gateway:
        endpoint = through(gateway, kafka)
        topic = endpoint.topic("reloads", partitions=2)
        with Steady(endpoint, topic, partitions=2, pause=0.002) as steady:
            reading = [clients.start(c, "consume", endpoint.job(topic, count=500)) for c in consumers]
            for i in range(25):
                gateway.recipients = ("analytics", "backup")[:1 + i % 2]
                gateway.trusted = {"gateway-a": ["*"], "gateway-%d" % (i % 3): ["*"]}
                gateway.write()
                gateway.reload()
            for running in reading:
                assert running.result().check().records
        steady.check(exchange.receive(endpoint, "librdkafka", topic, steady.sent))
        assert len(gateway.events("reloaded")) == 25 and not gateway.events("batch-refused")


# Killed, or cut off.


def test_killed_and_restarted(tmp_path, kafka, consumers):
    """No loss, no duplicate that Kafka would not give, and no batch refused for what a dead gateway knew alone."""
    with Gateway(tmp_path, kafka) as gateway:
        endpoint = through(gateway, kafka)
        topic = endpoint.topic("killed", partitions=2)
        # kafkajs gives up after so many attempts as the harness lets it have.
        patient = [c for c in consumers if c != "kafkajs"]
        with Steady(endpoint, topic, partitions=2, pause=0.002) as steady:
            reading = [clients.start(c, "consume", endpoint.job(topic, count=600, timeout_ms=40000)) for c in patient]
            for _ in range(4):
                time.sleep(0.7)
                gateway.kill()
                gateway.start()
            for running in reading:
                result = running.result().check()
                assert len({record.place() for record in result.records}) >= 600, result.client
        for result in exchange.all_receive(endpoint, consumers, topic, steady.sent):
            steady.check(result)
        assert not gateway.events("batch-refused") and not gateway.events("conversation-ended"), gateway.log()[-4000:]


def test_lost_acknowledgements(tmp_path, kafka, between, consumers):
    """Brokers store, and the answer is lost: the same bytes go out again, and readers raise no alarm."""
    with Gateway(tmp_path, kafka, settings=between.settings()) as gateway:
        endpoint = through(gateway, kafka)
        topic = endpoint.topic("lost")
        between.swallow_every = 5
        with Steady(endpoint, topic, pause=0.002) as steady:
            deadline = time.monotonic() + 20
            while between.swallowed < 6 and time.monotonic() < deadline:
                time.sleep(0.05)
        records = exchange.plain_records(60, "java")
        exchange.send(endpoint, "java", topic, records, batch_records=4)
        between.swallow_every = 0
        again = [sent for sent in between.produced.values() if len(sent) > 1]
        assert between.swallowed >= 8 and len(again) >= 6
        assert all(len(set(sent)) == 1 for sent in between.produced.values())
        total = steady.sent + len(records)
        for result in exchange.all_receive(endpoint, consumers, topic, total):
            values = [r.value for r in result.in_order()]
            assert len(set(values)) == total and values[steady.sent:] == [r.value for r in records], result.client
        assert not gateway.events("batch-refused"), gateway.log()[-4000:]


def test_lost_acknowledgements_and_a_restart(tmp_path, kafka, between, consumers):
    """The bytes are gone with the gateway: the retry is sealed anew, and brokers keep the first."""
    def resealed():
        return [sent for sent in between.produced.values() if len(set(sent)) > 1]

    with Gateway(tmp_path, kafka, settings=between.settings()) as gateway:
        endpoint = through(gateway, kafka)
        topic = endpoint.topic("lost-restart")
        with Steady(endpoint, topic, pause=0.002) as steady:
            for _ in range(10):
                before = len(between.produced)
                eventually(lambda: len(between.produced) > before + 10)
                between.flowing.clear()
                time.sleep(0.1)
                gateway.kill()
                between.cut()
                between.flowing.set()
                gateway.start()
                if len(resealed()) >= 2:
                    break
        for result in exchange.all_receive(endpoint, consumers, topic, steady.sent):
            steady.check(result)
        assert not gateway.events("batch-refused"), gateway.log()[-4000:]
        assert resealed(), "no retry has crossed a restart"


# What goes on.


def test_last_words(tmp_path, kafka):
    """A batch sent without waiting for anything, not even for a first answer, by somebody who then leaves."""
    count = 60
    with Gateway(tmp_path, kafka) as gateway:
        endpoint = through(gateway, kafka)
        topic = endpoint.topic("last-words")
        with wire.Wire(gateway.bootstrap) as connection:
            assert connection.ask(wire.metadata())
        for i in range(count):
            with wire.Wire("127.0.0.1:%d" % (gateway.node_base + 1)) as connection:
                connection.send(wire.produce(topic, one_batch(b"%d" % i), acks=0))
        result = exchange.receive(endpoint, "librdkafka", topic, count)
        assert {int(record.value) for record in result.records} == set(range(count))


class Hammer:
    """Batches by the name of their topic, one after another over one connection, whatever the answers are."""

    def __init__(self, gateway, topic):
        self.connection, self.topic = wire.Wire(gateway.bootstrap, seconds=30), topic

    def __enter__(self):
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._send, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._done.set()
        self._thread.join()
        self.connection.socket.close()

    def _send(self):
        while not self._done.is_set() and self.connection.ask(wire.produce(self.topic, one_batch())):
            pass


def make_again(kafka, topic):
    """Deletes a topic and makes it again as soon as brokers let it. Controllers answer before brokers have done it."""
    gone = kafka.topic_id(topic)
    kafka._done(kafka.admin_client.delete_topics([topic]))
    deadline = time.monotonic() + 10
    while True:
        try:
            kafka.topic(topic)
            break
        except Exception as error:
            assert "TOPIC_ALREADY_EXISTS" in str(error) and time.monotonic() < deadline, error

    def again():
        try:
            return kafka.topic_id(topic) != gone
        except (FileNotFoundError, KeyError):  # while one folder goes and the other one comes
            return False
    eventually(again)


def sealed_for(kafka, topic):
    """The topic id for which everything stored in a topic was sealed: that of the topic."""
    topic_id = base64.urlsafe_b64decode(kafka.topic_id(topic) + "==")
    assert {e.read("topic id") for e in envelopes(kafka, topic)} == {topic_id}
    return topic_id


def test_topic_made_again(tmp_path, kafka, consumers):
    """While all clients produce, a topic goes and comes back under its name: nothing sealed for the old one is in the new."""
    with Gateway(tmp_path, kafka) as gateway:
        endpoint = through(gateway, kafka)
        topic = endpoint.topic("again")
        records = exchange.plain_records(1500)
        jobs = [clients.start(c, "produce", endpoint.job(topic, records=records, batch_records=1, idempotent=False,
                                                         timeout_ms=6000)) for c in consumers]
        before = []
        with Hammer(gateway, topic):
            for _ in range(4):
                eventually(lambda: len(stored(kafka, topic)) > 20)
                before.append(sealed_for(kafka, topic))
                make_again(kafka, topic)
            eventually(lambda: len(stored(kafka, topic)) > 20)
        for job in jobs:
            job.result()
        assert len({*before, sealed_for(kafka, topic)}) == 5
        count = sum(batch.record_count for batch in stored(kafka, topic))
        exchange.all_receive(endpoint, consumers, topic, count)
        assert not gateway.refusals(topic)


def test_data_keys_by_use(tmp_path, kafka, consumers):
    """A data key is used for so many batches and no more; readers follow in mid-stream."""
    with Gateway(tmp_path, kafka, settings={"data-keys": {"max-batches": 3}, "workers": 1}) as gateway:
        endpoint = through(gateway, kafka)
        topic = endpoint.topic("data-keys")
        sent = exchange.plain_records(40)
        exchange.send(endpoint, "librdkafka", topic, sent, batch_records=2)
        used = [e.read("key commitment") for e in envelopes(kafka, topic)]
        assert len(used) == 20 and len(set(used)) == 7 and max(map(used.count, used)) == 3
        assert used == sorted(used, key=used.index)
        for result in exchange.all_receive(endpoint, consumers, topic, 40):
            exchange.check_same(sent, result)


def secrets_of(gateway, *files):
    """What no log may show: the last word of each key file and its bytes, and each text, in several disguises."""
    found = set()
    for name in ("gateway-a.key", "analytics.key"):
        with open(os.path.join(gateway.keys.directory, name)) as file:
            words = [word for line in file if not line.startswith("#") for word in line.split()]
        for word in words:
            with contextlib.suppress(ValueError):
                data = base64.b64decode(word, validate=True)
                if len(data) >= 32:
                    found |= {word, data[:32].hex(), base64.b64encode(data[:32]).decode().rstrip("=")}
    assert len(found) >= 6
    for text in files:
        data = text.encode()
        found |= {text, data.hex(), base64.b64encode(data).decode().rstrip("=")}
    return found


def test_no_secrets_in_the_log(tmp_path, secure_kafka, authority):
    passphrase = tmp_path / "passphrase"
    passphrase.write_text("an-unguessable-phrase\n")
    passphrase.chmod(0o600)
    certificate = authority.issue("gateway-of-secrets")
    gateway = Gateway(tmp_path / "gateway", secure_kafka, "SECURE", {
        "tls": {"certificate": certificate.certificate, "key": certificate.key},
        "clients-known-by": "brokers", "trust-brokers-for-identity": True}, cluster_tls={"ca": authority.ca})
    gateway.write()
    signet("keys", "passphrase", gateway._key("gateway-a", "key"), "--new-passphrase-file", passphrase)
    gateway.settings["identity"] = {"writer-key": gateway._key("gateway-a", "key"), "passphrase-file": str(passphrase)}
    with gateway:
        def endpoint(mechanism, **more):
            return Endpoint(gateway.bootstrap, secure_kafka, {**secure_kafka.client("SECURE", "alice", mechanism), **more})

        topic = endpoint("PLAIN").topic("secrets")
        said = [Record(b"a-private-key", b"a-private-value", (("a-private-header", b"x"),), exchange.START, 0)]
        for count, mechanism in enumerate(("PLAIN", "SCRAM-SHA-512", "OAUTHBEARER"), 1):
            exchange.send(endpoint(mechanism), "java", topic, said)
            exchange.receive(endpoint(mechanism), "java", topic, count)
        wrong = endpoint("PLAIN", password="not-the-password")
        clients.produce("librdkafka", wrong.job(topic, records=said, timeout_ms=2000))
        with wire.Wire(gateway.bootstrap, wire.tls_context(authority.ca)) as connection:
            connection.send(wire.frame(b"\0\x24\0\x63" + b"\0\0\0\1\0\4wire" + b"a-misplaced-password"))
            assert connection.is_closed()
        gateway.reload()
        log = gateway.log()
        assert '"level":"debug"' in log and topic not in gateway.refusals(topic)
    with open(certificate.key) as file:
        pem = file.read().splitlines()[1]
    for secret in secrets_of(gateway, "alice-secret", "not-the-password", "a-misplaced-password", "an-unguessable-phrase", pem,
                             "a-private-key", "a-private-value", "a-private-header"):
        assert secret not in log, secret
    tokens = re.findall(r"eyJ[A-Za-z0-9_-]+", log)
    assert not tokens, tokens


# Sizes.


LIMIT = 300_000


def with_headroom(size):
    """The largest batch that operators are told to allow for in a limit of so many bytes."""
    return (size - 1024) * 100 // 101


@pytest.fixture(scope="module")
def gateway(tmp_path_factory, kafka):
    with Gateway(tmp_path_factory.mktemp("sizes"), kafka) as running:
        yield running
        assert not running.events("batch-refused"), running.log()[-4000:]


@pytest.mark.parametrize("records", [1, 3, 1000])
def test_up_to_the_limit(gateway, kafka, records):
    """A batch that fills the limit but for the headroom is stored, byte for byte."""
    topic = through(gateway, kafka).topic("limit", max_message_bytes=LIMIT)
    size = with_headroom(LIMIT)
    value = os.urandom((size - segment.HEADER_BYTES) // records - 16)
    batch = segment.forge([(None, value)] * records).data
    assert size - 20 * records < len(batch) <= size
    with wire.Wire(gateway.bootstrap) as connection:
        assert produce_error(connection.ask(wire.produce(topic, batch)), topic) == 0
    (sealed,) = stored(kafka, topic)
    assert len(sealed) <= LIMIT
    assert len(exchange.receive(through(gateway, kafka), "librdkafka", topic, records).records) == records


@PARAMETRIZE_CLIENT
def test_above_the_limit(gateway, kafka, client):
    """What fits without a seal but not with one: the client's own error for a message that is too large."""
    endpoint = through(gateway, kafka)
    topic = endpoint.topic("above", max_message_bytes=LIMIT)
    big = [Record(None, os.urandom(LIMIT - 200), (), exchange.START, 0)]
    result = clients.produce(client, endpoint.job(topic, records=big, timeout_ms=6000))
    assert not result.ok and 10 in result.codes, result.errors
    exchange.send(endpoint, client, topic, [Record(None, b"small", (), exchange.START, 0)])
    assert not stored(kafka, topic)[1:]


def test_split_batches(gateway, kafka):
    """A client that can split a batch that is too large does."""
    endpoint = through(gateway, kafka)
    topic = endpoint.topic("split", max_message_bytes=LIMIT)
    sent = [Record(None, os.urandom(10_000), (), exchange.START + i, 0) for i in range(60)]
    exchange.send(endpoint, "java", topic, sent, one_batch=True)
    assert len(stored(kafka, topic)) > 1
    exchange.check_same(sent, exchange.receive(endpoint, "java", topic, 60))


@PARAMETRIZE_CLIENT
def test_ten_thousand_records(gateway, kafka, client):
    topic = exchange.large_batches(through(gateway, kafka), client, count=10_000)
    assert max(batch.record_count for batch in stored(kafka, topic)) > 5000


def test_memory_of_a_hundred_connections(tmp_path, kafka, monkeypatch):
    """100 connections that all produce or fetch 64 KiB batches, in the program that is installed: 64 MiB at most."""
    if not os.access(RELEASE, os.X_OK):
        lacks("no build/signet: run make")
    monkeypatch.setenv("SIGNET", RELEASE)
    with Gateway(tmp_path, kafka, level="info") as gateway:
        topic = through(gateway, kafka).topic("memory", partitions=4)
        batch = segment.forge([(None, os.urandom(1000)) for _ in range(64)]).data
        busy = [wire.Wire(gateway.bootstrap, seconds=60) for _ in range(100)]
        most = rounds = 0
        until = time.monotonic() + 6
        while time.monotonic() < until:
            for i, connection in enumerate(busy):
                if i % 2 or rounds == 0:
                    connection.send(wire.produce(topic, batch, partition=i % 4))
                else:
                    connection.send(wire.fetch(topic, partition=i % 4, max_bytes=65536, offset=64 * (rounds - 1)))
            most = max(most, gateway.resident_bytes())
            for i, connection in enumerate(busy):
                answer = connection.receive()
                assert answer and (i % 2 == 0 or produce_error(answer, topic) == 0)
            most = max(most, gateway.resident_bytes())
            rounds += 1
        print("%.1f MiB" % (most / (1 << 20)))
        assert rounds >= 3 and most <= 64 << 20, (rounds, most)
        assert not gateway.events("batch-refused")
