# SPDX-License-Identifier: Apache-2.0
"""Three brokers behind one gateway: each is reached at its own port or name, and no client ever reaches one otherwise."""

import os
import stat
import struct
import threading
import time

import clients
import exchange
import processes
import pytest
import wire
from clients import CLIENTS
from exchange import Endpoint
from gateway import Gateway
from machine import lacks
from processes import eventually
from steady import Steady

PARAMETRIZE_CLIENT = pytest.mark.parametrize("client", CLIENTS)


class Onlooker:
    """While in its with block: the processes that connect to ports which only the gateway should connect to."""

    def __init__(self, gateway, ports):
        self.gateway, self.ports = gateway, set(ports)
        self.strangers, self.seen = set(), 0

    def __enter__(self):
        self._own = {os.getpid(), self.gateway.child.pid}
        self._known = self._connections() - self._of(self.gateway.child.pid)
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._done.set()
        self._thread.join()

    def _look(self):
        while not self._done.wait(0.02):
            found = self._connections()
            gateway = self._of(self.gateway.child.pid)
            # A connection that is new since the gateway's descriptors were listed shows again in the next round.
            again = self._connections() & found
            self.seen += len(found & gateway)
            self.strangers |= again - gateway - self._known - self._of(self.gateway.child.pid)

    def _connections(self):
        """Inodes of the near ends of connections to those ports."""
        with open("/proc/net/tcp") as table:
            rows = [row.split() for row in table][1:]
        return {row[9] for row in rows if row[3] == "01" and int(row[2].rpartition(":")[2], 16) in self.ports}

    @staticmethod
    def _of(pid):
        found = set()
        for name in os.listdir("/proc/%d/fd" % pid):
            try:
                target = os.readlink("/proc/%d/fd/%s" % (pid, name))
            except OSError:
                continue
            if target.startswith("socket:["):
                found.add(target[8:-1])
        return found


@pytest.fixture(scope="module")
def gateway(tmp_path_factory, three_kafkas):
    with Gateway(tmp_path_factory.mktemp("nodes"), three_kafkas) as running:
        yield running
        assert not running.events("batch-refused"), running.log()[-4000:]


@pytest.fixture(scope="module")
def sealed(gateway, three_kafkas):
    return Endpoint(gateway.bootstrap, three_kafkas, by_batch=True)


def spread(kafka, topic):
    """A topic's leaders, which Kafka spreads over the nodes."""
    return {kafka.leader(topic, partition) for partition in range(3)}


@PARAMETRIZE_CLIENT
def test_by_port(gateway, sealed, client):
    kafka = sealed.kafka
    with Onlooker(gateway, [kafka.port("CLIENT", node) for node in kafka.nodes]) as onlooker:
        topic = sealed.topic("by-port", partitions=3)
        sent = [r for partition in range(3) for r in exchange.plain_records(20, "record", partition)]
        exchange.send(sealed, client, topic, sent, batch_records=5)
        exchange.check_same(sent, exchange.receive(sealed, client, topic, len(sent), group=exchange.group()))
    assert spread(kafka, topic) == set(kafka.nodes)
    assert onlooker.seen and not onlooker.strangers
    assert {event["node"] for event in gateway.events("connected")} == {-1, *kafka.nodes}


@pytest.mark.parametrize("client", ["librdkafka", "franz"])
def test_coordinators(sealed, client):
    """Groups and transactions live on whichever node leads their part of an internal topic."""
    for _ in range(3):
        exchange.groups(sealed, client)
        exchange.transactions(sealed, client, [client])


def test_by_configuration(tmp_path, three_kafkas, consumers):
    """Addresses in the configuration count instead of those in metadata, which here lead nowhere."""
    nodes = [{"id": node, "address": three_kafkas.address("HIDDEN", node)} for node in three_kafkas.nodes]
    gateway = Gateway(tmp_path, three_kafkas, "HIDDEN")
    write = gateway._dump
    gateway._dump = lambda name, content: write(
        name, {**content, "cluster": {**content["cluster"], "nodes": nodes}} if name == "gateway.yaml" else content)
    with gateway:
        endpoint = Endpoint(gateway.bootstrap, three_kafkas, by_batch=True)
        topic = endpoint.topic("configured", partitions=3)
        sent = [r for partition in range(3) for r in exchange.plain_records(5, "record", partition)]
        exchange.send(endpoint, "java", topic, sent)
        for result in exchange.all_receive(endpoint, consumers, topic, len(sent)):
            exchange.check_same(sent, result)
        assert not gateway.events("broker-failed")


def told(connection, correlation=7):
    """Where a Metadata response says that nodes are."""
    answer = connection.ask(wire.metadata(correlation=correlation))
    at, found = 12, {}
    for _ in range(struct.unpack_from(">i", answer, 8)[0]):
        node, size = struct.unpack_from(">ih", answer, at)
        host = answer[at + 6:at + 6 + size].decode()
        at += 6 + size
        port, rack = struct.unpack_from(">ih", answer, at)
        at += 6 + max(rack, 0)
        found[node] = (host, port)
    return found


def test_port_map(tmp_path, three_kafkas):
    """A number out of the range has a port of its own; one that has none ends the conversation, and the log says so."""
    extra = processes.ports(1)[0]
    gateway = Gateway(tmp_path, three_kafkas)
    gateway.listener["advertised"].update({"node-ports": 3, "port-map": [{"node": 3, "port": extra}]})
    with gateway:
        with wire.Wire(gateway.bootstrap) as connection:
            assert told(connection) == {1: ("127.0.0.1", gateway.node_base + 1), 2: ("127.0.0.1", gateway.node_base + 2),
                                        3: ("127.0.0.1", extra)}
        endpoint = Endpoint(gateway.bootstrap, three_kafkas, by_batch=True)
        exchange.groups(endpoint, "librdkafka")
        gateway.listener["advertised"].pop("port-map")
        gateway.write()
        gateway.restart()
        with wire.Wire(gateway.bootstrap) as connection:
            assert connection.ask(wire.metadata()) is None
        (ended,) = gateway.events("conversation-ended")
        assert "node 3" in ended["why"], ended


@pytest.fixture
def named_hosts(tmp_path, monkeypatch):
    """Drivers that take the hosts of *.kafka.test for this machine."""
    hosts = tmp_path / "hosts"
    names = ["boot", *("b%d" % node for node in range(1, 4))]
    hosts.write_text("127.0.0.1 localhost\n" + "".join("127.0.0.1 %s.kafka.test\n" % name for name in names))
    real = clients._path

    def wrapped(client):
        script = tmp_path / ("with-hosts-" + client)
        script.write_text("#!/bin/sh\nexec unshare --mount sh -c 'mount --bind \"$0\" /etc/hosts && exec \"$@\"' '%s' '%s' \"$@\"\n"
                          % (hosts, real(client)))
        script.chmod(script.stat().st_mode | stat.S_IXUSR)
        return str(script)

    if os.system("unshare --mount sh -c 'mount --bind %s /etc/hosts' 2> /dev/null" % hosts):
        lacks("names of hosts cannot be made here: it takes a mount namespace")
    clients.close()
    monkeypatch.setattr(clients, "_path", wrapped)
    yield
    clients.close()


def test_by_name(tmp_path, three_kafkas, authority, named_hosts, consumers):
    """One port, one certificate; what tells the nodes apart is the name that the client asks for."""
    certificate = authority.issue("wildcard", hosts=("*.kafka.test",))
    gateway = Gateway(tmp_path, three_kafkas, listener={
        "tls": {"certificate": certificate.certificate, "key": certificate.key},
        "sni": {"pattern": "b{node}.kafka.test"},
    })
    del gateway.listener["advertised"]
    port = gateway.bootstrap.rpartition(":")[2]
    with gateway:
        endpoint = Endpoint("boot.kafka.test:" + port, three_kafkas, {"security": "ssl", "ca": authority.ca}, by_batch=True)
        topic = endpoint.topic("by-name", partitions=3)
        sent = [r for partition in range(3) for r in exchange.plain_records(5, "record", partition)]
        for client in consumers:
            exchange.send(endpoint, client, topic, sent)
        for result in exchange.all_receive(endpoint, consumers, topic, len(sent) * len(consumers)):
            assert sorted(r.value for r in result.records) == sorted([r.value for r in sent] * len(consumers))
        assert {event["node"] for event in gateway.events("connected")} == {-1, 1, 2, 3}
        with wire.Wire(gateway.bootstrap, wire.tls_context(authority.ca), "b2.kafka.test") as connection:
            assert told(connection) == {node: ("b%d.kafka.test" % node, int(port)) for node in (1, 2, 3)}
        # A node that nobody knows is any of them.
        with wire.Wire(gateway.bootstrap, wire.tls_context(authority.ca), "b9.kafka.test") as connection:
            assert told(connection)


def fetch_error(connection, topic, partition):
    """The error code of a Fetch, which leaders alone answer with 0; None when the connection is closed."""
    answer = connection.ask(wire.fetch(topic, partition))
    # Correlation id, throttle time, one topic, its name, one partition, its index.
    return None if answer is None else struct.unpack_from(">h", answer, 12 + 2 + len(topic) + 8)[0]


@pytest.mark.parametrize("learnt_by", ["itself", "another"])
def test_node_not_learnt_yet(tmp_path, three_kafkas, learnt_by):
    """A client that remembers ports of nodes comes to a gateway that has just started, and ends up at the right broker."""
    kafka = three_kafkas
    topic = Endpoint("", kafka).topic("fresh", partitions=3)
    gateway = Gateway(tmp_path, kafka, topics=[{"match": "*", "seal": False}])
    start_from = kafka.nodes[0]
    gateway.kafka = type("One", (), {"cluster_id": kafka.cluster_id, "nodes": kafka.nodes,
                                     "bootstrap": lambda self, listener: kafka.address("CLIENT", start_from)})()
    partition = next(p for p in range(3) if kafka.leader(topic, p) != start_from)
    leader = kafka.leader(topic, partition)
    address = "127.0.0.1:%d" % (gateway.node_base + leader)
    with gateway:
        with wire.Wire(address) as early, wire.Wire(gateway.bootstrap) as other:
            assert fetch_error(early, topic, partition) == 6, "this gateway knows no node, so it was another's port"
            assert told(early if learnt_by == "itself" else other)[leader] == ("127.0.0.1", gateway.node_base + leader)
            # It is let go at its next request at the latest, so that the client comes again.
            assert fetch_error(early, topic, partition) in (6, None)
            assert early.is_closed()
        with wire.Wire(address) as again:
            assert fetch_error(again, topic, partition) == 0
            assert fetch_error(again, topic, partition) == 0


def test_broker_killed(gateway, sealed, consumers):
    """Leaders move when a broker dies and move back when it returns; nothing is lost, doubled or refused."""
    kafka = sealed.kafka
    topic = sealed.topic("failover", partitions=3, min_insync_replicas=2)
    with Steady(sealed, topic, partitions=3) as steady:
        time.sleep(0.5)
        dead = kafka.leader(topic, 0)
        kafka.kill(dead)
        eventually(lambda: kafka.leader(topic, 0) not in (dead, -1))
        # Clients that come now find a gateway one of whose servers to start from is dead.
        for result in clients.together(*[lambda c=c: clients.consume(c, sealed.job(topic, count=20)) for c in consumers]):
            assert result.check().records
        kafka.start_node(dead)
        time.sleep(0.5)
    for result in exchange.all_receive(sealed, consumers, topic, steady.sent):
        steady.check(result)
    assert gateway.events("broker-failed") and not gateway.events("batch-refused")
