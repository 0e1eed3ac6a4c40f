# SPDX-License-Identifier: Apache-2.0
"""One cluster of each kind for a whole run, started when a test first asks for it."""

import os
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import clients
from certificates import Authority
from exchange import Endpoint
from kafka import Kafka, Listener

USERS = {"admin": "admin-secret", "alice": "alice-secret", "mallory": "mallory-secret"}


def pytest_addoption(parser):
    parser.addoption("--kafka-version", default=None, help="test with this version of Kafka instead of the pinned one")


def pytest_sessionfinish(session):
    clients.close()


def pytest_runtest_setup(item):
    """A client without a driver is skipped, with the reason; where CI=true making it has failed already."""
    for name in ("client", "producer", "consumer"):
        client = getattr(item, "callspec", None) and item.callspec.params.get(name)
        if client in clients.CLIENTS and not clients.available(client):
            pytest.skip("no %s driver on this machine: its toolchain is missing" % client)


@pytest.fixture(scope="session")
def version(request):
    return request.config.getoption("--kafka-version")


@pytest.fixture(scope="session")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="session")
def kafka(tmp_path_factory, version):
    """One node, one plaintext listener, CLIENT."""
    with Kafka(tmp_path_factory.mktemp("kafka"), version=version) as cluster:
        yield cluster


@pytest.fixture(scope="session")
def secure_kafka(tmp_path_factory, authority, version):
    """One node with ACLs and three listeners: SECURE (SASL_SSL), MUTUAL (TLS with client certificates), and BRIEF, which is
    SECURE with sessions of 1.5 s, after which clients must authenticate again.

    alice may do anything with topics and groups, mallory nothing at all.
    """
    listeners = {
        "SECURE": Listener("sasl_ssl", mechanisms=("SCRAM-SHA-512", "SCRAM-SHA-256", "PLAIN", "OAUTHBEARER")),
        "MUTUAL": Listener("ssl", client_certificates="required"),
        "BRIEF": Listener("sasl_ssl", settings={"connections.max.reauth.ms": 1500}),
    }
    cluster = Kafka(tmp_path_factory.mktemp("secure-kafka"), listeners, users=USERS, authority=authority, acls=True,
                    version=version)
    with cluster:
        for principal in ("User:alice", "User:CN=alice"):
            for resource in ("topic", "group", "transactional_id"):
                cluster.allow(principal, "all", resource, "*")
        yield cluster


@pytest.fixture(scope="session")
def three_kafkas(tmp_path_factory, version):
    """Three nodes and two plaintext listeners: CLIENT, and HIDDEN, whose advertised addresses lead nowhere."""
    listeners = {"CLIENT": Listener(), "HIDDEN": Listener(advertised=lambda node: "127.0.0.1:%d" % node)}
    with Kafka(tmp_path_factory.mktemp("three-kafkas"), listeners, nodes=3, version=version) as cluster:
        yield cluster


@pytest.fixture(scope="session")
def direct(kafka):
    """The brokers themselves, with nothing in between."""
    return Endpoint(kafka.bootstrap(), kafka)


@pytest.fixture
def consumers():
    """The clients that this machine can run."""
    return [client for client in clients.CLIENTS if clients.available(client)]
