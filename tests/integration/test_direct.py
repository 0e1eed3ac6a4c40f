# SPDX-License-Identifier: Apache-2.0
"""The clients and the brokers with nothing in between: proves the harness, and what "as with stock Kafka" means."""

import exchange
import pytest
import segment
from clients import CLIENTS, CODECS, can
from exchange import Endpoint
from kafka import Kafka, Listener
from relay import FETCH, PRODUCE, RefusingRelay

CONSUMER_PROTOCOL = [c for c in CLIENTS if can(c, "consumer protocol")]
SHARE_GROUPS = [c for c in CLIENTS if can(c, "share groups")]

PARAMETRIZE_CLIENT = pytest.mark.parametrize("client", CLIENTS)


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("producer", CLIENTS)
def test_round_trip(direct, producer, codec, consumers):
    exchange.round_trip(direct, producer, codec, consumers)


@PARAMETRIZE_CLIENT
def test_without_timestamps(direct, client):
    exchange.without_timestamps(direct, client)


@PARAMETRIZE_CLIENT
def test_large_batches(direct, client):
    topic = exchange.large_batches(direct, client)
    assert len(segment.read(direct.kafka.segments(topic)[-1])) <= 2


@PARAMETRIZE_CLIENT
def test_many_batches(direct, client):
    topic = exchange.many_batches(direct, client)
    stored = segment.read(direct.kafka.segments(topic)[-1])
    assert [(b.base_offset, b.record_count) for b in stored] == [(i * 5, 5) for i in range(20)]


@PARAMETRIZE_CLIENT
def test_acknowledgements(direct, client):
    exchange.acknowledgements(direct, client)


@PARAMETRIZE_CLIENT
def test_starts(direct, client):
    exchange.starts(direct, client)


@PARAMETRIZE_CLIENT
def test_groups(direct, client):
    exchange.groups(direct, client)


@pytest.mark.parametrize("client", CONSUMER_PROTOCOL)
def test_consumer_protocol(direct, client):
    exchange.groups(direct, client, "consumer")


@pytest.mark.parametrize("client", SHARE_GROUPS)
def test_share_groups(direct, client):
    exchange.share_groups(direct, client)


@PARAMETRIZE_CLIENT
def test_transactions(direct, client, consumers):
    exchange.transactions(direct, client, consumers)


@PARAMETRIZE_CLIENT
def test_log_append_time(direct, client):
    exchange.log_append_time(direct, client)


@PARAMETRIZE_CLIENT
def test_compacted(direct, client):
    exchange.compacted(direct, client)


@PARAMETRIZE_CLIENT
@pytest.mark.parametrize("mechanism", ["SCRAM-SHA-512", "PLAIN", "OAUTHBEARER"])
def test_sasl(secure_kafka, client, mechanism):
    endpoint = Endpoint(secure_kafka.bootstrap("SECURE"), secure_kafka,
                        secure_kafka.client("SECURE", "alice", mechanism))
    exchange.groups(endpoint, client)


@PARAMETRIZE_CLIENT
def test_client_certificate(secure_kafka, authority, client):
    settings = secure_kafka.client("MUTUAL", certificate=authority.issue("alice", hosts=()))
    endpoint = Endpoint(secure_kafka.bootstrap("MUTUAL"), secure_kafka, settings)
    exchange.groups(endpoint, client)


@PARAMETRIZE_CLIENT
def test_denied(secure_kafka, client):
    endpoint = Endpoint(secure_kafka.bootstrap("SECURE"), secure_kafka, secure_kafka.client("SECURE", "mallory"))
    consumed = exchange.denied(endpoint, client, endpoint.topic("denied"))
    assert 29 in consumed.codes, consumed.errors


@PARAMETRIZE_CLIENT
def test_wrong_password(secure_kafka, client):
    settings = secure_kafka.client("SECURE", "alice", password="wrong")
    endpoint = Endpoint(secure_kafka.bootstrap("SECURE"), secure_kafka, settings)
    topic = endpoint.topic("wrong-password")
    sent = exchange.clients.produce(client, endpoint.job(topic, records=exchange.plain_records(1), timeout_ms=2500))
    assert not sent.ok and sent.errors


@PARAMETRIZE_CLIENT
def test_three_nodes(three_kafkas, client):
    """Partitions led by three nodes, one of which dies and comes back."""
    exchange.without_timestamps(Endpoint(three_kafkas.bootstrap(), three_kafkas), client)


def test_kill_a_leader(three_kafkas):
    endpoint = Endpoint(three_kafkas.bootstrap(), three_kafkas)
    topic = endpoint.topic("failover", min_insync_replicas=2)
    first, later = exchange.plain_records(5, "first"), exchange.plain_records(5, "later")
    exchange.send(endpoint, "java", topic, first)
    dead = three_kafkas.leader(topic)
    three_kafkas.kill(dead)
    exchange.send(endpoint, "java", topic, later)
    assert three_kafkas.leader(topic) != dead
    three_kafkas.start_node(dead)
    exchange.check_same(first + later, exchange.receive(endpoint, "librdkafka", topic, 10))


@pytest.fixture(scope="session")
def refusing(tmp_path_factory, version):
    """An endpoint whose relay refuses: its attributes `api` and `code` say what."""
    relay = RefusingRelay(None, 0)
    kafka = Kafka(tmp_path_factory.mktemp("refusing"), {"CLIENT": Listener(advertised=lambda node: relay.address)},
                  version=version)
    relay.upstream = kafka.port("CLIENT")
    with kafka, relay:
        yield Endpoint(relay.address, kafka), relay


@PARAMETRIZE_CLIENT
def test_advertised_address(refusing, client):
    """Clients go where a broker's listener says that it is: here, to a relay in front."""
    endpoint, relay = refusing
    relay.api = None
    before = relay.connections
    exchange.groups(endpoint, client)
    assert relay.connections >= before + 2


@PARAMETRIZE_CLIENT
@pytest.mark.parametrize("code", [2, 87])
def test_refused_fetch(refusing, client, code):
    """An error in a Fetch response reaches the application, but for those that retry error 2 in silence."""
    endpoint, relay = refusing
    relay.api = None
    topic = endpoint.topic("refused-fetch")
    exchange.send(endpoint, client, topic, exchange.plain_records(3))
    relay.api, relay.code = FETCH, code
    result = exchange.clients.consume(client, endpoint.job(topic, count=3, timeout_ms=5000))
    relay.api = None
    assert not result.ok and not result.records
    if code == 2 and not can(client, "report error 2"):
        assert result.timed_out
    else:
        assert result.codes == {code}, result.errors


@PARAMETRIZE_CLIENT
@pytest.mark.parametrize("code", [10, 44, 87])
def test_refused_produce(refusing, client, code):
    endpoint, relay = refusing
    relay.api = None
    topic = endpoint.topic("refused-produce")
    relay.api, relay.code = PRODUCE, code
    result = exchange.clients.produce(client, endpoint.job(topic, records=exchange.plain_records(1), timeout_ms=5000))
    relay.api = None
    assert not result.ok and result.codes == {code}, result.errors


def test_disk_writer_unnoticed(direct, consumers):
    """Stock Kafka serves what somebody wrote into its files, CRC and all: what Signet is for."""
    topic = direct.topic("disk-writer")
    exchange.send(direct, "java", topic, exchange.plain_records(6), batch_records=2)
    path = direct.kafka.segments(topic)[-1]
    segment.rewrite(path, lambda found: segment.replace(found, 1, found[1].replacing(b"record 2", b"forgery!")))
    for result in exchange.all_receive(direct, consumers, topic, 6):
        assert result.in_order()[2].value == b"forgery!", result.client


@PARAMETRIZE_CLIENT
def test_bad_crc(direct, client):
    """A batch with a wrong CRC stops a consumer that looks, after the batches before it."""
    topic = direct.topic("bad-crc")
    exchange.send(direct, "java", topic, exchange.plain_records(6), batch_records=2)
    path = direct.kafka.segments(topic)[-1]
    segment.rewrite(path, lambda found: segment.replace(found, 1, found[1].replacing(b"record 2", b"forgery!", False)))
    result = exchange.clients.consume(client, direct.job(topic, count=6, timeout_ms=5000))
    if can(client, "check CRCs"):
        assert not result.ok and [r.offset for r in result.records] == [0, 1], result
    else:
        assert result.ok and result.records[2].value == b"forgery!"
