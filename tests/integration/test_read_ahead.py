# SPDX-License-Identifier: Apache-2.0
"""Consumers of a backlog, whom the gateway reads ahead for: each gets all of it, in order, also when it goes elsewhere in the middle."""

import contextlib
import struct
import time

import clients
import exchange
import processes
import pytest
import wire
from clients import CLIENTS, Record
from exchange import Endpoint
from test_status import numbers, status_gateway

PARAMETRIZE_CLIENT = pytest.mark.parametrize("client", CLIENTS)

RECORDS = 12_000
# Of an answer: the whole takes about a hundred of them.
BYTES = 65_536


@pytest.fixture(scope="module")
def gateway(tmp_path_factory, kafka):
    with status_gateway(tmp_path_factory.mktemp("gateway"), kafka) as running:
        yield running
        assert not running.events("batch-refused"), running.log()[-4000:]


@pytest.fixture(scope="module")
def sealed(gateway, kafka):
    return Endpoint(gateway.bootstrap, kafka, by_batch=True)


def records(partition):
    return [Record(b"%d" % i, b"%d %d " % (partition, i) + b"x" * 500, (), exchange.START + i, partition) for i in range(RECORDS)]


@pytest.fixture(scope="module")
def backlog(sealed):
    topic = sealed.topic("backlog")
    exchange.send(sealed, "librdkafka", topic, records(0), batch_bytes=16_384)
    return topic


def grown(gateway, before):
    """How many answers were read ahead since then, and dropped."""
    after = numbers(gateway)
    return [after[name] - before[name] for name in ("signet_read_ahead_total", "signet_read_ahead_dropped_total")]


@PARAMETRIZE_CLIENT
def test_backlog(gateway, sealed, backlog, client):
    before = numbers(gateway)
    result = exchange.receive(sealed, client, backlog, RECORDS, partition_max_bytes=BYTES)
    assert [r.offset for r in result.records] == list(range(RECORDS))
    exchange.check_same(records(0), result)
    ahead, dropped = grown(gateway, before)
    assert ahead >= 30 and dropped <= 3, (ahead, dropped)


@PARAMETRIZE_CLIENT
@pytest.mark.parametrize("to", [0, RECORDS - 2000])
def test_seek(gateway, sealed, backlog, client, to):
    """What was read ahead is dropped, and the client reads on from where it wants to."""
    before = numbers(gateway)
    job = sealed.job(backlog, seek={"after": 4000, "to": to}, partition_max_bytes=BYTES, idle_ms=3000)
    result = clients.consume(client, job).check()
    offsets = [r.offset for r in result.records]
    until = next(i for i, offset in enumerate(offsets) if offset != i)
    assert until >= 4000
    assert offsets[until:] == list(range(to, RECORDS))
    sent = records(0)
    assert all(r.content() == sent[r.offset] for r in result.records)
    ahead, dropped = grown(gateway, before)
    assert ahead >= 10 and dropped <= 5, (ahead, dropped)


@PARAMETRIZE_CLIENT
def test_rebalance(sealed, client):
    """A partition is taken away from who is in the middle of it."""
    topic, name = sealed.topic("rebalanced", partitions=2), exchange.group()
    sent = {}
    for partition in range(2):
        exchange.send(sealed, "librdkafka", topic, records(partition), batch_bytes=16_384)
        sent.update({(partition, i): record for i, record in enumerate(records(partition))})
    job = sealed.job(topic, group=name, partition_max_bytes=BYTES, max_poll_records=50, idle_ms=6000, timeout_ms=60_000)
    first = clients.start(client, "consume", job).wait_ready()
    time.sleep(0.5)
    second = clients.start(client, "consume", job)
    # Whoever comes late may find nothing left.
    got = [r for running in (first, second) for r in running.result().records]
    assert {r.place() for r in got} == sent.keys()
    assert all(r.content() == sent[r.place()] for r in got)


# What is held while nobody asks for it.


def read_by_hand(connection, topic, answers):
    """Asks until so many have come; each is one batch of those that hold three records."""
    for i in range(answers):
        assert connection.ask(wire.fetch(topic, offset=3 * i, max_bytes=1))


@contextlib.contextmanager
def one_held(directory, kafka, batches=10, **settings):
    """A gateway that holds one answer, for a connection that asks for nothing any more."""
    with status_gateway(directory, kafka, {"workers": 1, **settings}) as gateway:
        endpoint = Endpoint(gateway.bootstrap, kafka, by_batch=True)
        topic = endpoint.topic("held")
        exchange.send(endpoint, "librdkafka", topic, exchange.plain_records(3 * batches), batch_records=3)
        before = numbers(gateway)
        with wire.Wire(gateway.bootstrap) as connection:
            read_by_hand(connection, topic, 3)
            processes.eventually(lambda: grown(gateway, before) == [1, 0])
            yield gateway, before, connection, topic


def take_all_memory(gateway, stack):
    """Requests that begin and do not go on."""
    for _ in range(8):
        other = stack.enter_context(wire.Wire(gateway.bootstrap))
        other.send(struct.pack(">i", 3 << 20))
        time.sleep(0.02)  # Memory is taken when more comes than the size.
        other.send(bytes(100))


def test_nobody_comes_for_it(tmp_path, kafka):
    with one_held(tmp_path, kafka) as (gateway, before, connection, topic):
        time.sleep(1)
        assert grown(gateway, before) == [1, 0]
        processes.eventually(lambda: grown(gateway, before) == [1, 1])
        processes.eventually(lambda: numbers(gateway)["signet_frame_memory_bytes"] == 0)
        assert connection.ask(wire.fetch(topic, offset=9, max_bytes=1))


def test_others_wait_for_memory(tmp_path, kafka):
    with one_held(tmp_path, kafka, limits={"memory": "16MiB", "frame-bytes": "4MiB"}) as (gateway, before, connection, topic):
        with contextlib.ExitStack() as stack:
            take_all_memory(gateway, stack)
            processes.eventually(lambda: grown(gateway, before) == [1, 1], 1)
        assert connection.ask(wire.fetch(topic, offset=9, max_bytes=1))


def test_request_that_is_answered_at_once(tmp_path, kafka):
    """It is over with that: whoever is silent afterwards does not keep others waiting."""
    limits = {"memory": "16MiB", "frame-bytes": "4MiB", "handshake-timeout": "1s"}
    with one_held(tmp_path, kafka, batches=4, limits=limits) as (gateway, before, connection, topic):
        assert connection.ask(wire.fetch(topic, offset=9, max_bytes=1))
        assert grown(gateway, before) == [1, 0]
        time.sleep(1)
        with contextlib.ExitStack() as stack:
            take_all_memory(gateway, stack)
            processes.eventually(lambda: gateway.events("client-failed"))
            assert connection.ask(wire.fetch(topic, offset=0, max_bytes=1))


def test_reload_meanwhile(tmp_path, kafka):
    """What was opened under the old rules is not given under the new ones."""
    with one_held(tmp_path, kafka) as (gateway, before, connection, topic):
        gateway.reload()
        assert connection.ask(wire.fetch(topic, offset=9, max_bytes=1))
        assert grown(gateway, before)[1] == 1


def test_end_meanwhile(tmp_path, kafka):
    with one_held(tmp_path, kafka) as (gateway, before, connection, topic):
        began = time.monotonic()
        gateway.stop()
        assert time.monotonic() - began < 3 and connection.is_closed()
