# SPDX-License-Identifier: Apache-2.0
"""Some topics sealed and some not: which name an id has is the brokers' word, so clients name topics by name, or the operator vouches."""

import struct

import clients
import exchange
import pytest
import wire
from clients import can
from exchange import Endpoint
from gateway import Gateway

MIXED = [{"match": "sealed*", "seal": True}, {"match": "*", "seal": False}]
# Both have learnt to name topics by id, and the second is no JVM.
BY_ID = ("java", "librdkafka")
SHARE_GROUPS = [client for client in clients.CLIENTS if can(client, "share groups")]
OFFSETS = "__consumer_offsets"


@pytest.fixture(scope="module")
def gateway(tmp_path_factory, kafka):
    with Gateway(tmp_path_factory.mktemp("mixed"), kafka, topics=MIXED) as running:
        yield running
        assert not running.events("batch-refused"), running.log()[-4000:]


@pytest.fixture(scope="module")
def mixed(gateway, kafka):
    return Endpoint(gateway.bootstrap, kafka)


@pytest.fixture
def vouch(gateway):
    """A function that lists topics with their ids in the configuration until the test ends."""
    def listed(rows):
        gateway.settings["topic-ids"] = rows
        gateway.write()
        gateway.reload()
        assert not gateway.events("reload-refused"), gateway.log()[-4000:]

    yield lambda *topics: listed([{"topic": topic, "topic-id": gateway.kafka.topic_id(topic)} for topic in topics])
    listed([])


def offered(gateway):
    """The highest versions of Produce, Fetch and ShareFetch."""
    with wire.Wire(gateway.bootstrap) as connection:
        ranges = wire.versions(connection.ask(wire.request(wire.API_VERSIONS, 0)))
    return [ranges[api][1] for api in (wire.PRODUCE, wire.FETCH, wire.SHARE_FETCH)]


def fetched_error(answer):
    """The error of the only partition of an answer to Fetch 13: behind its id and the partition's number."""
    assert struct.unpack_from(">h", answer, 9)[0] == 0
    return struct.unpack_from(">h", answer, 15 + 1 + 16 + 1 + 4)[0]


@pytest.mark.parametrize("topics, versions", [
    (MIXED, [12, 12, 2]),
    ([{"match": "*", "seal": True}], [13, 18, 2]),
    ([{"match": "*", "seal": True, "open": False}], [13, 12, 2]),
    ([{"match": "sealed*", "seal": True}], [12, 12, 2]),
], ids=["some sealed", "all sealed", "all sealed, none opened", "no rule for the rest"])
def test_versions_offered(tmp_path, kafka, topics, versions):
    with Gateway(tmp_path, kafka, topics=topics) as gateway:
        assert offered(gateway) == versions


@pytest.mark.parametrize("client", BY_ID)
@pytest.mark.parametrize("name", ["sealed", "clear"])
def test_clients_use_names(mixed, gateway, kafka, client, name):
    """Without a group and with one, under both protocols, everything goes as with stock Kafka."""
    topic = mixed.topic(name)
    sent = exchange.plain_records(20)
    exchange.send(mixed, client, topic, sent, batch_records=5)
    exchange.check_same(sent, exchange.receive(mixed, client, topic, len(sent)))
    for protocol in ("classic", "consumer"):
        fields = {"group": exchange.group("names"), "group_protocol": protocol}
        exchange.check_same(sent, exchange.receive(mixed, client, topic, len(sent), **fields))
    with open(kafka.segments(topic)[-1], "rb") as stored:
        assert (b"record 7" in stored.read()) == (name == "clear")
    for event in ("fetch-refused", "produce-refused", "conversation-ended"):
        assert not gateway.events(event, topic=topic)


@pytest.mark.parametrize("client", SHARE_GROUPS)
def test_share_group_of_a_sealed_topic(mixed, kafka, client):
    topic, group = mixed.topic("sealed"), exchange.group("share")
    kafka.configure("group", group, share_auto_offset_reset="earliest")
    sent = exchange.plain_records(10)
    exchange.send(mixed, client, topic, sent)
    exchange.check_same(sent, exchange.receive(mixed, client, topic, len(sent), group=group, share=True))


@pytest.mark.parametrize("client", SHARE_GROUPS)
def test_share_group_of_a_clear_topic(mixed, gateway, kafka, vouch, client):
    """Share groups have no other way than by id: refused, with a hint, until the operator vouches for it."""
    topic, group = mixed.topic("clear"), exchange.group("share")
    kafka.configure("group", group, share_auto_offset_reset="earliest")
    sent = exchange.plain_records(10)
    exchange.send(mixed, client, topic, sent)
    job = mixed.job(topic, group=group, share=True, count=1, timeout_ms=6000)
    result = clients.consume(client, job)
    assert not result.ok and not result.records
    assert any("TOPIC_AUTHORIZATION_FAILED" in error.name + error.message for error in result.errors), result.errors
    events = gateway.events("fetch-refused", topic=topic)
    assert events and {event["partition"] for event in events} == {0}
    assert all("topic-ids" in event["hint"] for event in events), events
    vouch(topic)
    exchange.check_same(sent, exchange.receive(mixed, client, topic, len(sent), group=group, share=True))
    assert gateway.events("fetch-refused", topic=topic) == events


def test_fetch_by_id_of_a_clear_topic(mixed, gateway, vouch):
    """A client that does not ask for versions, or asked before a reload."""
    sealed, clear = mixed.topic("sealed"), mixed.topic("clear")
    for topic in (sealed, clear):
        exchange.send(mixed, "librdkafka", topic, exchange.plain_records(3))
    ids = {topic: gateway.kafka.topic_id(topic) for topic in (sealed, clear)}
    with wire.Wire(gateway.bootstrap) as connection:
        answer = connection.ask(wire.fetch_by_id(ids[sealed]))
        assert fetched_error(answer) == 0 and b"record 2" in answer
        connection.send(wire.fetch_by_id(ids[clear]))
        assert connection.is_closed()
    ended = gateway.events("conversation-ended")[-1]
    assert "by its id" in ended["why"], ended
    vouch(clear)
    with wire.Wire(gateway.bootstrap) as connection:
        answer = connection.ask(wire.fetch_by_id(ids[clear]))
        assert fetched_error(answer) == 0 and b"record 2" in answer


def test_internal_topics_where_all_is_sealed(tmp_path, kafka, direct):
    """They are in clear, and clients may read them by id."""
    topic, group = direct.topic("committed"), exchange.group()
    exchange.send(direct, "java", topic, exchange.plain_records(1))
    exchange.receive(direct, "java", topic, 1, group=group)
    with Gateway(tmp_path, kafka) as gateway:
        sealing = Endpoint(gateway.bootstrap, kafka)
        job = sealing.job(OFFSETS, count=1, timeout_ms=6000)
        result = clients.consume("java", job)
        assert not result.records and result.codes == {29}, result.errors
        assert all("topic-ids" in event["hint"] for event in gateway.events("fetch-refused"))
        assert gateway.events("fetch-refused", topic=OFFSETS)
        gateway.settings["topic-ids"] = [{"topic": OFFSETS, "topic-id": kafka.topic_id(OFFSETS)}]
        gateway.write()
        gateway.reload()
        assert clients.consume("java", job).check().records
