# SPDX-License-Identifier: Apache-2.0
"""`signet witness` with key, trust file and configuration made on the spot; logs that submit to it, by the second implementation."""

import base64
import hashlib
import http.client
import json
import os
import signal
import subprocess
import sys
import time

import processes
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from gateway import START_SECONDS_MAX, program, signet
from kafka import ROOT

sys.path.insert(0, os.path.join(ROOT, "tests/vectors"))
import generate_witness  # noqa: E402
import ledger  # noqa: E402

CLUSTER = "MkU3OEVBNTcwNTJENDM2Qk"


class Witness:
    """One witness.

    writers: secret keys, or trust files to name instead. wrapper: what runs the program.
    """

    def __init__(self, directory, writers=(generate_witness.WRITER,), trust_files=None, limits=None, name="w1", wrapper=(),
                 settings=None):
        self.directory, self.name, self.wrapper = str(directory), name, list(wrapper)
        self.state = os.path.join(self.directory, "state")
        os.makedirs(self.state, exist_ok=True)
        self.port = processes.ports(1)[0]
        self.address = "127.0.0.1:%d" % self.port
        self.url = "http://" + self.address
        self.trust_files = trust_files or [self.write_trust(writers)]
        self.settings = {"limits": limits or {}, **(settings or {})}
        self.child = None

    def write_trust(self, writers, cluster=CLUSTER, name="trust.yaml", **others):
        path = os.path.join(self.directory, name)
        rows = [{"name": "writer-%d" % i, "topics": ["*"], "public-key": writer_line(writer, "writer-%d" % i), **others}
                for i, writer in enumerate(writers)]
        with open(path, "w") as file:
            json.dump({"version": 1, "cluster-id": cluster, "writers": rows}, file)
        return path

    @property
    def key_path(self):
        return os.path.join(self.directory, self.name + ".pub")

    def key(self):
        with open(self.key_path, "rb") as file:
            return ledger.read_witness_key(file.read().strip())

    def write(self):
        if not os.path.exists(self.key_path):
            signet("keys", "witness", self.name, "--out", self.directory)
        with open(self.config_path, "w") as file:
            json.dump({"address": self.address, "witness-key": {"file": self.name + ".key"}, "directory": "state",
                       "trust-files": self.trust_files, "log": {"level": "debug", "format": "json"}, **self.settings}, file)

    @property
    def config_path(self):
        return os.path.join(self.directory, "witness.yaml")

    def start(self):
        self.write()
        self.log_path = os.path.join(self.directory, "witness.log")
        with open(self.log_path, "w") as log:
            self.child = processes.spawn([*self.wrapper, program(), "witness", self.config_path], stderr=log, stdout=log,
                                         stdin=subprocess.DEVNULL)
        deadline = time.monotonic() + START_SECONDS_MAX
        while not self.events("listening"):
            assert self.child.poll() is None and time.monotonic() < deadline, "the witness did not start:\n" + self.log()
            time.sleep(0.02)
        return self

    __enter__ = start

    def __exit__(self, kind, *_):
        self.stop(check=kind is None)

    def stop(self, check=True):
        if self.child:
            status = processes.stop(self.child)
            self.child = None
            assert not check or status == 0, self.log()[-4000:]

    def kill(self):
        self.child.send_signal(signal.SIGKILL)
        self.child.wait()
        self.child = None

    def log(self):
        with open(self.log_path) as file:
            return file.read()

    def events(self, name, **fields):
        lines = [json.loads(line) for line in self.log().splitlines() if line.startswith("{") and line.endswith("}")]
        return [one for one in lines if one["event"] == name and all(one.get(k) == v for k, v in fields.items())]

    def request(self, method, path, body=None, headers=None):
        """Status, body, type."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request(method, path, body, headers or {})
            answer = connection.getresponse()
            return answer.status, answer.read(), answer.getheader("Content-Type")
        finally:
            connection.close()

    def post(self, body, **options):
        return self.request("POST", "/add-checkpoint", body, **options)

    def submit(self, log, old, size, **others):
        """The status, and with 409 the size that the witness knows. A cosignature is checked."""
        status, body, kind = self.post(log.submission(old, size, **others))
        if status == 200:
            assert abs(ledger.cosignature_time(body, log.body(size), *self.key()) - time.time()) < 60
        if status == 409:
            assert kind == "text/x.tlog.size" and body.endswith(b"\n")
            return status, int(body)
        return status

    def remembered(self, log):
        """The size in the state file of a log, whose cosignature is right; 0 when there is none."""
        path = os.path.join(self.state, file_name(log))
        if not os.path.exists(path):
            return 0
        with open(path, "rb") as file:
            note = file.read()
        body, own, line = note[: note.index(b"\n\n") + 1], *note[note.index(b"\n\n") + 2:].splitlines(True)
        ledger.cosignature_time(line, body, *self.key())
        assert ledger.read_checkpoint(body + b"\n" + own).origin == log.origin
        size = int(body.split(b"\n")[1])
        assert body == log.body(size)
        return size


def writer_line(secret, name):
    """A public key as key files have it (spec/key-files.md)."""
    kind, key = b"signet-writer-v1", generate_witness.public(secret)
    check = hashlib.sha256(kind + b" " + key).digest()[:4]
    return "%s %s %s" % (kind.decode(), base64.b64encode(key + check).decode(), name)


def file_name(log, end=".cosigned"):
    return log.origin.decode().removeprefix("signet.ledger/v1/").replace("/", "+") + end


def new_log(size=40, instance=None, writer=generate_witness.WRITER, **others):
    """A log of its own each time."""
    origin = generate_witness.origin_of(writer, instance=instance or os.urandom(16), **others)
    return generate_witness.Log(origin, writer, size=size)


def branch_of(log, at, size=40):
    """Another log of the same name: the same up to `at` leaves."""
    return generate_witness.Log(log.origin, log.writer, branch=b"other", size=size, hashes=log.hashes[:at])


def random_writer():
    return Ed25519PrivateKey.generate()
