# SPDX-License-Identifier: Apache-2.0
"""What a gateway tells over HTTP, and that its numbers are those of the traffic."""

import re
import urllib.error
import urllib.request

import exchange
import processes
import pytest
from exchange import Endpoint
from gateway import Gateway, signet


@pytest.fixture(scope="module")
def watched(tmp_path_factory, kafka):
    address = "127.0.0.1:%d" % processes.ports(1)[0]
    with Gateway(tmp_path_factory.mktemp("watched"), kafka, settings={"status-address": address}) as gateway:
        gateway.status = "http://" + address
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


def test_not_on_a_unix_socket(watched, tmp_path):
    text = open(watched.config_path).read().replace(watched.status[len("http://"):], "unix:/tmp/socket")
    path = tmp_path / "gateway.yaml"
    path.write_text(text.replace("trust.yaml", watched.directory + "/trust.yaml"))
    done = signet("check", path, check=False)
    assert done.returncode == 1 and "status-address" in done.stdout + done.stderr
