# SPDX-License-Identifier: Apache-2.0
"""What a gateway tells over HTTP, and that its numbers are those of the traffic."""

import os
import re
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

import exchange
import processes
import pytest
import wire
from exchange import Endpoint
from gateway import Gateway, program, signet
from machine import lacks


def status_gateway(directory, kafka, settings=None, **options):
    address = "127.0.0.1:%d" % processes.ports(1)[0]
    gateway = Gateway(directory, kafka, settings={"status-address": address, **(settings or {})}, **options)
    gateway.status = "http://" + address
    return gateway


@pytest.fixture(scope="module")
def watched(tmp_path_factory, kafka):
    with status_gateway(tmp_path_factory.mktemp("watched"), kafka) as gateway:
        yield gateway


def get(gateway, path):
    with urllib.request.urlopen(gateway.status + path, timeout=10) as answer:
        return answer.read().decode()


def numbers(gateway):
    """Every sample by its name, labels included."""
    return {name: int(value) for name, value in re.findall(r"^(signet_[^ ]+(?:{[^}]*})?) (\d+)$", get(gateway, "/metrics"), re.M)}


def test_counts_what_passes(watched, kafka):
    before = numbers(watched)
    endpoint = Endpoint(watched.bootstrap, kafka, by_batch=True)
    topic = endpoint.topic("counted")
    exchange.send(endpoint, "librdkafka", topic, exchange.plain_records(20), batch_records=5)
    exchange.receive(endpoint, "librdkafka", topic, 20)
    grown = {name: value - before[name] for name, value in numbers(watched).items()}
    assert grown["signet_batches_sealed_total"] == 4
    assert grown["signet_batches_opened_total"] == 4
    assert grown["signet_bytes_sealed_total"] > 0 and grown["signet_requests_total"] > 0
    assert all(value == 0 for name, value in grown.items() if "refused" in name)


def test_counts_refusals(watched, kafka):
    """Clear text injected straight at the broker."""
    endpoint, direct = Endpoint(watched.bootstrap, kafka), Endpoint(kafka.bootstrap(), kafka)
    topic = endpoint.topic("injected")
    exchange.send(direct, "librdkafka", topic, exchange.plain_records(1))
    result = exchange.clients.consume("librdkafka", endpoint.job(topic, count=1, timeout_ms=3000))
    assert not result.ok and not result.records
    assert numbers(watched)['signet_batches_refused_total{verdict="unsealed"}'] > 0
    assert "unsealed" in get(watched, "/")


def test_health_and_the_rest(watched):
    assert get(watched, "/healthz") == "ok\n"
    for path, method, status in (("/nothing", "GET", 404), ("/", "POST", 405)):
        with pytest.raises(urllib.error.HTTPError) as caught:
            urllib.request.urlopen(urllib.request.Request(watched.status + path, method=method), timeout=10)
        assert caught.value.code == status


def test_head(watched):
    """As some probes ask: the status, and nothing behind it."""
    for path in ("/healthz", "/metrics", "/"):
        with urllib.request.urlopen(urllib.request.Request(watched.status + path, method="HEAD"), timeout=10) as answer:
            assert answer.status == 200 and int(answer.headers["Content-Length"]) > 0 and answer.read() == b""


MANY_DESCRIPTORS = """import os, resource, sys
hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
for _ in range(1100):
    os.set_inheritable(os.open("/dev/null", os.O_RDONLY), True)
os.execv(sys.argv[1], sys.argv[1:])
"""


def test_many_descriptors(tmp_path, kafka):
    """A gateway with many connections has descriptors that select() does not know."""
    with status_gateway(tmp_path, kafka, wrapper=(sys.executable, "-c", MANY_DESCRIPTORS)) as gateway:
        assert get(gateway, "/healthz") == "ok\n"


def fails_to_start(gateway, why):
    gateway.write()
    done = subprocess.run([program(), "gateway", gateway.config_path], capture_output=True, text=True, timeout=20)
    assert done.returncode == 3 and why in done.stderr, done.stderr


def test_one_address_is_one_gateways(watched, tmp_path, kafka):
    """Another gateway of the same user must not answer in its place."""
    gateway = status_gateway(tmp_path, kafka)
    gateway.settings["status-address"] = watched.status[len("http://"):]
    fails_to_start(gateway, "cannot listen on " + gateway.settings["status-address"])


def test_nobody_is_let_in_before(tmp_path, kafka):
    """A gateway that looks for its status address, and cannot have it, has served no client meanwhile."""
    configuration, server = tmp_path / "resolv.conf", socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    configuration.write_text("nameserver 127.77.0.53\noptions timeout:2 attempts:1\n")
    if os.system("unshare --mount sh -c 'mount --bind %s /etc/resolv.conf' 2> /dev/null" % configuration):
        lacks("name servers cannot be made here: it takes a mount namespace")
    gateway = status_gateway(tmp_path, kafka, settings={"status-address": "status.example:9999"}, wrapper=(
        "unshare", "--mount", "sh", "-c", 'mount --bind "$0" /etc/resolv.conf && exec "$@"', configuration))
    gateway.write()
    with server:
        server.bind(("127.77.0.53", 53))
        server.settimeout(20)
        with open(gateway.log_path, "w") as log:
            child = processes.spawn([*gateway.wrapper, program(), "gateway", gateway.config_path], stderr=log, stdout=log)
        server.recv(1000)  # The question, which gets no answer.
        with wire.Wire(gateway.bootstrap) as connection:
            connection.send(wire.request(wire.API_VERSIONS, 0))
            assert connection.is_closed(20)
        assert child.wait(20) == 3 and "cannot resolve status.example" in gateway.log(), gateway.log()
        assert not gateway.events("connected")


# The log, and what is counted of what it does not say.


def test_strangers_do_not_fill_the_log(tmp_path, kafka, authority):
    certificate = authority.issue("strangers")
    listener = {"tls": {"certificate": certificate.certificate, "key": certificate.key}}
    with status_gateway(tmp_path, kafka, listener=listener) as gateway:
        for _ in range(200):
            with wire.Wire(gateway.bootstrap) as connection:
                connection.send(b"GET / HTTP/1.1\r\n\r\n")
                assert connection.is_closed()
        assert 1 <= len(gateway.events("client-failed", level="warning")) <= 2  # of each worker
        assert numbers(gateway)["signet_client_failures_total"] == 200
        with wire.Wire(gateway.bootstrap, source="127.0.0.2") as connection:
            connection.send(b"GET / HTTP/1.1\r\n\r\n")
            assert connection.is_closed()
        clients = {event["client"].rpartition(":")[0] for event in gateway.events("client-failed", level="warning")}
        assert clients == {"127.0.0.1", "127.0.0.2"}
    again = gateway.events("client-failed-again")  # at the end, or at once
    assert sum(event["times"] for event in again) + len(gateway.events("client-failed", level="warning")) == 201
    assert {event["client"].rpartition(":")[0] for event in again} == {"127.0.0.1"}


def test_brokers_that_are_away_do_not_fill_the_log(tmp_path, kafka):
    nowhere = "127.0.0.1:%d" % processes.ports(1)[0]
    with status_gateway(tmp_path, kafka, settings={"cluster": {"bootstrap-servers": [nowhere]}}) as gateway:
        for last in range(1, 101):
            with wire.Wire(gateway.bootstrap, source="127.0.0.%d" % last) as connection:
                assert connection.is_closed()
        assert 1 <= len(gateway.events("broker-failed", level="warning")) <= 2
        assert numbers(gateway)["signet_broker_failures_total"] == 100


# Its reader stops when the gateway has started, and keeps the pipe open.
STALLED_READER = 'exec "$@" 2> >(grep --line-buffered -m 1 listening; exec sleep 30)'


def test_a_log_that_nobody_reads(tmp_path, kafka):
    with status_gateway(tmp_path, kafka, wrapper=("bash", "-c", STALLED_READER, "bash")) as gateway:
        deadline = time.monotonic() + 60
        while numbers(gateway)["signet_log_lines_lost_total"] == 0:
            assert time.monotonic() < deadline
            with wire.Wire(gateway.bootstrap) as connection:
                assert connection.ask(wire.request(wire.API_VERSIONS, 0))
        endpoint = Endpoint(gateway.bootstrap, kafka, by_batch=True)
        exchange.groups(endpoint, "librdkafka")


def test_not_on_a_unix_socket(watched, tmp_path):
    text = open(watched.config_path).read().replace(watched.status[len("http://"):], "unix:/tmp/socket")
    path = tmp_path / "gateway.yaml"
    path.write_text(text.replace("trust.yaml", watched.directory + "/trust.yaml"))
    done = signet("check", path, check=False)
    assert done.returncode == 1 and "status-address" in done.stdout + done.stderr
