# SPDX-License-Identifier: Apache-2.0
"""`signet gateway` in front of a cluster, with keys, trust file and configuration made on the spot.

    with Gateway(directory, kafka) as gateway:
        Endpoint(gateway.bootstrap, kafka)

The program is build/sanitize/signet, or the one that SIGNET names: a sanitizer's complaint ends it and fails the test.
"""

import base64
import json
import os
import signal
import socket
import subprocess
import time

import processes
from kafka import ROOT

START_SECONDS_MAX = 20


def program():
    return os.environ.get("SIGNET") or os.path.join(ROOT, "build/sanitize/signet")


def signet(*arguments, check=True, **options):
    """One run of the program; its standard output."""
    done = subprocess.run([program(), *map(str, arguments)], capture_output=True, text=True, **options)
    if check and done.returncode != 0:
        raise AssertionError("signet %s: exit %d\n%s%s" % (" ".join(map(str, arguments)), done.returncode, done.stdout,
                                                         done.stderr))
    return done


class Keys:
    """A folder of key files: writers and recipients by name."""

    def __init__(self, directory):
        self.directory = str(directory)
        os.makedirs(self.directory, exist_ok=True)

    def writer(self, name):
        return self._make("writer", name)

    def recipient(self, name):
        return self._make("recipient", name)

    def _make(self, role, name):
        path = os.path.join(self.directory, name)
        if not os.path.exists(path + ".key"):
            signet("keys", role, name, "--out", self.directory)
        return path

    def public(self, name):
        with open(os.path.join(self.directory, name + ".pub")) as file:
            return file.read().strip().splitlines()[-1]

    def secret(self, name):
        """The 32 bytes in a key file without a passphrase (spec/key-files.md): a word, then the key and a checksum."""
        with open(os.path.join(self.directory, name + ".key")) as file:
            return base64.b64decode(file.read().strip().splitlines()[-1].split()[1])[:32]


class Gateway:
    """One gateway.

    listener: settings of its one listener, over the default: loopback, plain TCP.
    topics: policy rows; the default seals everything. trust: further keys of the trust file.
    writer, recipients, opens: key names. trusted: writer names that the trust file has, each with its topics.
    """

    def __init__(self, directory, kafka, upstream="CLIENT", listener=None, topics=None, trust=None, trusted=None,
                 writer="gateway-a", recipients=("analytics",), opens=("analytics",), keys=None, cluster_tls=None,
                 settings=None, log_format="json", level="debug", wrapper=()):
        self.directory = str(directory)
        os.makedirs(self.directory, exist_ok=True)
        self.kafka = kafka
        self.keys = keys or Keys(os.path.join(self.directory, "keys"))
        self.writer, self.recipients, self.opens = writer, recipients, opens
        self.trusted = trusted if trusted is not None else {writer: ["*"]}
        self.trust = dict(trust or {})
        self.topics = topics if topics is not None else [{"match": "*", "seal": True}]
        nodes = max(kafka.nodes)
        port, self.node_base = (lambda p: (p[0], p[1]))(processes.ports(nodes + 2))
        self.bootstrap = "127.0.0.1:%d" % port
        self.listener = {
            "name": "apps",
            "address": self.bootstrap,
            "clients-known-by": "loopback",
            "advertised": {"host": "127.0.0.1", "node-port-base": self.node_base, "node-ports": nodes + 1},
            **(listener or {}),
        }
        self.upstream = upstream
        self.cluster_tls = cluster_tls
        self.settings = dict(settings or {})
        self.log_settings = {"level": level, "format": log_format}
        self.wrapper = list(wrapper)
        self.child = None

    @property
    def config_path(self):
        return os.path.join(self.directory, "gateway.yaml")

    @property
    def log_path(self):
        return os.path.join(self.directory, "gateway.log")

    def write(self):
        """Keys that are missing, the trust file and the configuration. JSON is YAML."""
        for name in {self.writer, *self.trusted}:
            self.keys.writer(name)
        for name in {*self.recipients, *self.opens}:
            self.keys.recipient(name)
        self._dump("trust.yaml", {
            "version": 1,
            "cluster-id": self.kafka.cluster_id,
            "writers": [self._trusted(name, how) for name, how in self.trusted.items()],
            **self.trust,
        })
        cluster = {"bootstrap-servers": self.kafka.bootstrap(self.upstream).split(",")}
        if self.cluster_tls:
            cluster["tls"] = self.cluster_tls
        self._dump("gateway.yaml", {
            "cluster": cluster,
            "identity": {"writer-key": self._key(self.writer, "key")},
            "recipients": [self._key(name, "pub") for name in self.recipients],
            "recipient-keys": [{"file": self._key(name, "key")} for name in self.opens],
            "trust-file": "trust.yaml",
            "listeners": [self.listener],
            "topics": self.topics,
            "workers": 2,
            "log": self.log_settings,
            **self.settings,
        })

    def _trusted(self, name, how):
        how = how if isinstance(how, dict) else {"topics": how}
        return {"name": name, "public-key": self.keys.public(name), **how}

    def _key(self, name, kind):
        return os.path.join(self.keys.directory, "%s.%s" % (name, kind))

    def _dump(self, name, content):
        with open(os.path.join(self.directory, name), "w") as file:
            json.dump(content, file, indent=1)

    def __enter__(self):
        return self.start()

    def __exit__(self, kind, *_):
        self.stop(check=kind is None)

    def start(self):
        self.write()
        with open(self.log_path, "a") as log:
            self.child = processes.spawn([*self.wrapper, program(), "gateway", self.config_path], stderr=log, stdout=log,
                                         stdin=subprocess.DEVNULL)
        deadline = time.monotonic() + START_SECONDS_MAX
        while not self.events("listening"):
            if self.child.poll() is not None or time.monotonic() > deadline:
                raise AssertionError("the gateway did not start:\n" + self.log())
            time.sleep(0.02)
        return self

    def stop(self, check=True):
        status = processes.stop(self.child) if self.child else 0
        self.child = None
        if check and status != 0:
            raise AssertionError("the gateway ended with %d:\n%s" % (status, self.log()[-6000:]))

    def kill(self):
        """Ends it as a crash would (SIGKILL)."""
        self.child.kill()
        self.child.wait()
        self.child = None

    def restart(self):
        self.stop()
        open(self.log_path, "w").close()
        return self.start()

    def reload(self):
        """After `write`: SIGHUP, and waits until it says that it has."""
        before = len(self.events("reloaded")) + len(self.events("reload-refused"))
        self.child.send_signal(signal.SIGHUP)
        deadline = time.monotonic() + START_SECONDS_MAX
        while len(self.events("reloaded")) + len(self.events("reload-refused")) == before:
            assert time.monotonic() < deadline, self.log()
            time.sleep(0.02)

    def log(self):
        with open(self.log_path) as file:
            return file.read()

    def events(self, name=None, **fields):
        """The log's JSON lines of one event, with these fields."""
        found = []
        for line in self.log().splitlines():
            if not line.startswith("{") or not line.endswith("}"):
                continue
            event = json.loads(line)
            if (name is None or event["event"] == name) and all(event.get(k) == v for k, v in fields.items()):
                found.append(event)
        return found

    def refusals(self, topic):
        """(verdict, partition, offset) of every batch of a topic that was refused, without repetitions."""
        found = []
        for event in self.events("batch-refused", topic=topic):
            place = (event["verdict"], event["partition"], event["offset"])
            if place not in found:
                found.append(place)
        return found

    def resident_bytes(self):
        with open("/proc/%d/status" % self.child.pid) as file:
            for line in file:
                if line.startswith("VmRSS:"):
                    return int(line.split()[1]) * 1024
        raise AssertionError("no VmRSS")


def connect(address):
    """A bare connection to "host:port"."""
    host, port = address.rsplit(":", 1)
    return socket.create_connection((host, int(port)), timeout=10)


def secure_gateway(directory, kafka, authority, upstream="SECURE", listener=None, **options):
    """TLS towards clients and brokers; unless `listener` says otherwise, clients are known by the brokers."""
    certificate = authority.issue("gateway")
    return Gateway(directory, kafka, upstream, {
        "tls": {"certificate": certificate.certificate, "key": certificate.key},
        "clients-known-by": "brokers",
        "trust-brokers-for-identity": True,
        **(listener or {}),
    }, cluster_tls={"ca": authority.ca}, **options)
