# SPDX-License-Identifier: Apache-2.0
"""Where keys are, and are not: in the memory of a running gateway, in core dumps, in swap."""

import base64
import os
import re
import tempfile

import exchange
import pytest
from exchange import Endpoint
from gateway import Gateway
from kafka import ROOT
from machine import lacks

RELEASE = os.environ.get("SIGNET_RELEASE") or os.path.join(ROOT, "build/signet")


@pytest.fixture
def installed(monkeypatch):
    """The program that is installed: sanitizers keep freed memory as it was, and lock none."""
    if not os.access(RELEASE, os.X_OK):
        lacks("no build/signet: run make")
    monkeypatch.setenv("SIGNET", RELEASE)


def secret_bytes(path):
    """The 32 bytes of a key file that is not locked."""
    with open(path) as file:
        line = file.read().strip().splitlines()[-1]
    return base64.b64decode(line.split()[1])[:32]


def times_in_memory(pid, secret):
    """How often it stands in what the process can write to, guard pages left out."""
    found = 0
    with open("/proc/%d/maps" % pid) as maps, open("/proc/%d/mem" % pid, "rb", 0) as memory:
        for row in maps:
            first, last, rights, name = re.match(r"(\w+)-(\w+) (\S+) \S+ \S+ \S+ *(.*)", row).groups()
            if not rights.startswith("rw") or name.startswith("[v"):
                continue
            memory.seek(int(first, 16))
            found += memory.read(int(last, 16) - int(first, 16)).count(secret)
    return found


def test_old_keys_are_gone(tmp_path, kafka, installed):
    """After a reload nothing has the keys that are not in use any more; those in use are there but once each."""
    if os.geteuid() != 0:
        lacks("only root may look into a gateway's memory")
    with Gateway(tmp_path, kafka, opens=("analytics", "retired")) as gateway:
        endpoint = Endpoint(gateway.bootstrap, kafka, by_batch=True)
        topic = endpoint.topic("keys")
        exchange.send(endpoint, "librdkafka", topic, exchange.plain_records(3))
        exchange.receive(endpoint, "librdkafka", topic, 3)
        gateway.keys.writer("gateway-b")

        def where():
            return {name: times_in_memory(gateway.child.pid, secret_bytes(os.path.join(gateway.keys.directory, name + ".key")))
                    for name in ("gateway-a", "gateway-b", "analytics", "retired")}

        assert where() == {"gateway-a": 1, "gateway-b": 0, "analytics": 1, "retired": 1}
        gateway.writer, gateway.opens = "gateway-b", ("analytics",)
        gateway.trusted = {"gateway-a": ["*"], "gateway-b": ["*"]}
        gateway.write()
        gateway.reload()
        for _ in range(2):  # Each worker goes over to them in its own time: by now whoever answers has.
            exchange.groups(endpoint, "librdkafka")
        assert where() == {"gateway-a": 0, "gateway-b": 1, "analytics": 1, "retired": 0}
        exchange.send(endpoint, "librdkafka", topic, exchange.plain_records(3))
        assert len(exchange.receive(endpoint, "librdkafka", topic, 6).records) == 6


def test_no_core_dumps(tmp_path, kafka):
    with Gateway(tmp_path, kafka) as gateway:
        with open("/proc/%d/limits" % gateway.child.pid) as limits:
            row = next(line for line in limits if line.startswith("Max core file size"))
        assert row.split()[4:6] == ["0", "0"]


SOMEBODY = 65534


class OfSomebody(Gateway):
    """Runs as a user without rights, whose files its files are."""

    def __init__(self, *place):
        super().__init__(*place, wrapper=("setpriv", "--reuid=%d" % SOMEBODY, "--regid=%d" % SOMEBODY, "--clear-groups"))

    def write(self):
        super().write()
        for folder, _, files in os.walk(self.directory):
            for name in (folder, *(os.path.join(folder, file) for file in files)):
                os.chown(name, SOMEBODY, SOMEBODY)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root starts a gateway as somebody else")
def test_nobody_else_reads_its_memory(kafka):
    """Not even others of its own user: what belongs to a process that may be dumped is its user's, else root's."""
    with tempfile.TemporaryDirectory() as directory, OfSomebody(directory, kafka) as gateway:
        assert os.stat("/proc/%d/mem" % gateway.child.pid).st_uid == 0
        with open("/proc/%d/status" % gateway.child.pid) as status:
            assert "Uid:\t%d\t%d" % (SOMEBODY, SOMEBODY) in status.read()


@pytest.mark.parametrize("allowed", [True, False])
def test_memory_that_is_not_locked(tmp_path, kafka, installed, allowed):
    wrapper = () if allowed else ("prlimit", "--memlock=0", "setpriv", "--bounding-set=-ipc_lock")
    with Gateway(tmp_path, kafka, wrapper=wrapper) as gateway:
        gateway.reload()
        assert bool(gateway.events("keys-may-be-swapped")) != allowed
