# SPDX-License-Identifier: Apache-2.0
"""Clients through the gateway: all that works with stock Kafka works, and brokers store nothing readable."""

import exchange
import pytest
import segment
import wire
from clients import CLIENTS, CODECS, can
from exchange import Endpoint
from gateway import Gateway

CONSUMER_PROTOCOL = [c for c in CLIENTS if can(c, "consumer protocol")]
SHARE_GROUPS = [c for c in CLIENTS if can(c, "share groups")]

INVALID_FETCH_SESSION_EPOCH = 71

PARAMETRIZE_CLIENT = pytest.mark.parametrize("client", CLIENTS)


@pytest.fixture(scope="module")
def gateway(tmp_path_factory, kafka):
    with Gateway(tmp_path_factory.mktemp("gateway"), kafka) as running:
        yield running
        assert not running.events("batch-refused"), running.log()[-4000:]


@pytest.fixture(scope="module")
def sealed(gateway, kafka):
    return Endpoint(gateway.bootstrap, kafka, by_batch=True)


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("producer", CLIENTS)
def test_round_trip(sealed, producer, codec, consumers):
    exchange.round_trip(sealed, producer, codec, consumers)


@PARAMETRIZE_CLIENT
def test_without_timestamps(sealed, client):
    exchange.without_timestamps(sealed, client)


@PARAMETRIZE_CLIENT
@pytest.mark.parametrize("codec", ["none", "zstd"])
def test_large_batches(sealed, client, codec):
    """Thousands of records in a batch: the stubs stand in a compressed block of their own."""
    topic = exchange.large_batches(sealed, client, codec)
    stored = segment.read(sealed.kafka.segments(topic)[-1])
    assert len(stored) <= 2 and all(batch.codec == "zstd" for batch in stored)


@PARAMETRIZE_CLIENT
def test_many_batches(sealed, client):
    topic = exchange.many_batches(sealed, client)
    path = sealed.kafka.segments(topic)[-1]
    batches = segment.read(path)
    assert [b.base_offset for b in batches] == [sum(b.record_count for b in batches[:i]) for i in range(len(batches))]
    assert len(batches) >= 20  # a client may take a group of records apart
    with open(path, "rb") as stored:
        assert b"record" not in stored.read()


@PARAMETRIZE_CLIENT
def test_acknowledgements(sealed, client):
    exchange.acknowledgements(sealed, client)


@PARAMETRIZE_CLIENT
def test_starts(sealed, client):
    exchange.starts(sealed, client)


@PARAMETRIZE_CLIENT
def test_groups(sealed, client):
    exchange.groups(sealed, client)


@pytest.mark.parametrize("client", CONSUMER_PROTOCOL)
def test_consumer_protocol(sealed, client):
    exchange.groups(sealed, client, "consumer")


@pytest.mark.parametrize("client", SHARE_GROUPS)
def test_share_groups(sealed, client):
    exchange.share_groups(sealed, client)


@PARAMETRIZE_CLIENT
def test_transactions(sealed, client, consumers):
    exchange.transactions(sealed, client, consumers)


@PARAMETRIZE_CLIENT
def test_log_append_time(tmp_path, kafka, client):
    policy = [{"match": "*", "seal": True, "timestamp-type": "log-append-time"}]
    with Gateway(tmp_path, kafka, topics=policy) as gateway:
        exchange.log_append_time(Endpoint(gateway.bootstrap, kafka), client)


@pytest.mark.parametrize("codec", ["gzip", "snappy", "lz4", "zstd", "uncompressed"])
def test_recompressed_by_the_broker(sealed, consumers, codec):
    """A topic's own compression.type makes the broker write the outer batch anew."""
    endpoint = Endpoint(sealed.bootstrap, sealed.kafka, sealed.client, {"compression_type": codec})
    for producer, inner in (("java", "none"), ("librdkafka", "zstd")):
        exchange.round_trip(endpoint, producer, inner, consumers)


def test_fetch_sessions(sealed):
    """A session goes on as with a broker: only what is new is in an answer, opened, and one out of step is told so (KIP-227)."""
    topic = sealed.topic("sessions", partitions=2)
    for partition in (0, 1):
        exchange.send(sealed, "librdkafka", topic, exchange.plain_records(1, "first", partition))
    with wire.Wire(sealed.bootstrap) as client:
        def ask(session, epoch, *partitions):
            return wire.fetched_in_session(client.ask(wire.fetch_in_session(topic, session, epoch, partitions)))

        error, session, records = ask(0, 0, (0, 0), (1, 0))
        assert error == 0 and session != 0
        assert sorted(records) == [0, 1] and all(b"first 0" in batch for batch in records.values())
        assert ask(session, 1, (0, 1), (1, 1)) == (0, session, {})
        exchange.send(sealed, "librdkafka", topic, exchange.plain_records(1, "second", 1))
        error, _, records = ask(session, 2)
        assert error == 0 and list(records) == [1] and b"second 0" in records[1]
        assert ask(session, 7)[0] == INVALID_FETCH_SESSION_EPOCH


@PARAMETRIZE_CLIENT
def test_compacted(gateway, sealed, client):
    """No record mode yet: a clear refusal to the client, and a hint in the log."""
    topic = sealed.topic("compacted", cleanup_policy="compact")
    result = exchange.clients.produce(client, sealed.job(topic, records=exchange.plain_records(1), timeout_ms=6000))
    assert 87 in result.codes, result.errors
    assert any("cleanup.policy=delete" in event.get("hint", "") for event in gateway.events("produce-refused", topic=topic))
