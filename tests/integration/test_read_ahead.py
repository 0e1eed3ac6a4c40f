# SPDX-License-Identifier: Apache-2.0
"""Consumers of a backlog, whom the gateway reads ahead for: each gets all of it, in order, also when it goes elsewhere in the middle."""

import time

import clients
import exchange
import pytest
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
