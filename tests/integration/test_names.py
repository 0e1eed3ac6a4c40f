# SPDX-License-Identifier: Apache-2.0
"""Brokers that are known by name: many clients at once, a name server that is silent, addresses that lead nowhere."""

import contextlib
import signal
import socket
import time

import processes
import relay
import wire
from gateway import Gateway
from name_server import NameServer

NAME = "kafka.signet.test"


class Cluster:
    """A cluster whose brokers to start from are addresses of the test's."""

    def __init__(self, kafka, *addresses):
        self.cluster_id, self.nodes = kafka.cluster_id, kafka.nodes
        self.addresses = addresses

    def bootstrap(self, _listener):
        return ",".join(self.addresses)


def test_many_who_come_at_once(tmp_path, kafka):
    """Clients that all come back after an outage are one question to the name server, and all are served."""
    with NameServer(tmp_path, {NAME: ["127.0.0.1"]}, delay=1) as names:
        cluster = Cluster(kafka, "%s:%d" % (NAME, kafka.port()))
        with Gateway(tmp_path, cluster, settings={"workers": 1}, wrapper=names.wrapper) as gateway:
            many = [wire.Wire(gateway.bootstrap, seconds=20) for _ in range(200)]
            for connection in many:
                connection.send(wire.request(wire.API_VERSIONS, 0))
            assert all(connection.receive() for connection in many)
            for connection in many:
                connection.socket.close()
            assert not gateway.events("broker-failed") and 1 <= len(names.asked) <= 5, names.asked


def test_name_server_is_silent(tmp_path, kafka):
    """A client is told within the time, the next server is tried, and the end does not wait for an answer."""
    with NameServer(tmp_path, {}, delay=None) as names:
        cluster = Cluster(kafka, "%s:9092" % NAME, kafka.address())
        limits = {"connect-timeout": "1s"}
        with Gateway(tmp_path, cluster, settings={"workers": 2, "limits": limits}, wrapper=names.wrapper) as gateway:
            for _ in range(2):
                with wire.Wire(gateway.bootstrap) as connection:
                    assert connection.ask(wire.request(wire.API_VERSIONS, 0))
            assert names.asked
            assert any("connect-timeout" in event["why"] for event in gateway.events("broker-failed"))
            began = time.monotonic()
            gateway.child.send_signal(signal.SIGTERM)
            status = gateway.child.wait(15)
            gateway.child = None
            assert status == 0 and time.monotonic() - began < 5


@contextlib.contextmanager
def black_hole(address, port):
    """Connects to it get no answer: the queue of those who wait to be accepted is full."""
    with socket.socket() as listening, contextlib.ExitStack() as stack:
        listening.bind((address, port))
        listening.listen(0)
        for _ in range(4):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex((address, port))
        time.sleep(0.2)
        yield


class RelayAt(relay.Relay):
    """Listens at another number of loopback."""

    def __init__(self, number, port, upstream):
        super().__init__(upstream)
        self.number, self.port = number, port

    def __enter__(self):
        self._listening = socket.create_server((self.number, self.port))
        relay.threading.Thread(target=self._accept, daemon=True).start()
        return self


def test_first_address_leads_nowhere(tmp_path, kafka):
    """Of one name's addresses each has its time, so that the second is reached when the first says nothing."""
    port = processes.ports(1)[0]
    with NameServer(tmp_path, {NAME: ["127.0.0.16", "127.0.0.17"]}) as names, black_hole("127.0.0.16", port), \
            RelayAt("127.0.0.17", port, kafka.port()):
        cluster = Cluster(kafka, "%s:%d" % (NAME, port))
        with Gateway(tmp_path, cluster, settings={"limits": {"connect-timeout": "1s"}}, wrapper=names.wrapper) as gateway:
            with wire.Wire(gateway.bootstrap) as connection:
                assert connection.ask(wire.request(wire.API_VERSIONS, 0)), gateway.log()
            assert any("connect-timeout" in event["why"] for event in gateway.events("broker-failed", level="debug"))
