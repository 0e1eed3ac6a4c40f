# SPDX-License-Identifier: Apache-2.0
"""Three brokers, a faulty wire to each of them, and two gateways with ledgers that reach them by these wires only."""

import contextlib
import json
import os
import signal
import struct
import subprocess
import sys
import threading

import segment
from between import Between
from gateway import Keys
from kafka import Kafka
from processes import eventually
from test_gateway_ledger import Keeper

HERE = os.path.dirname(os.path.abspath(__file__))
NODES = 3
INTERVAL_MS = 500
# What a gateway says when somebody was refused, or something broke that no fault here breaks.
ALARMS = ("batch-refused", "fetch-refused", "produce-refused", "conversation-ended", "ledger-not-written", "ledger-left-open")

# Small segments, and an eye on retention every second: so segments roll, go and are deleted within a short run.
BROKER = {
    "log.retention.check.interval.ms": 1000,
    "log.segment.delete.delay.ms": 1000,
    "log.initial.task.delay.ms": 500,
    "log.roll.ms": 4000,
    "min.insync.replicas": 2,
    "transaction.abort.timed.out.transaction.cleanup.interval.ms": 1000,
    # The preferred leader is elected soon after it can be.
    "leader.imbalance.check.interval.seconds": 1,
    "leader.imbalance.per.broker.percentage": 0,
}


class FaultyWire(Between):
    """To one broker. `lose_answers` and `lose_requests` have how many of each API are still to be lost, connection and all."""

    def __init__(self, kafka, node):
        super().__init__(kafka, node)
        self.lose_answers, self.lose_requests = {}, {}
        self.lost = 0
        self._lock = threading.Lock()

    def _request(self, asked, frame):
        api, _ = struct.unpack_from(">hh", frame)
        self._lose(self.lose_requests, api)
        asked.append(api)

    def _response(self, asked, frame):
        self.flowing.wait(20)
        self._lose(self.lose_answers, asked.popleft())

    def _lose(self, wanted, api):
        with self._lock:
            if not wanted.get(api):
                return
            wanted[api] -= 1
            self.lost += 1
        raise ConnectionResetError("lost")


class TorturedGateway(Keeper):
    """What it said that it should not is kept from one process to the next."""

    def __init__(self, *arguments, **options):
        super().__init__(*arguments, ledger_settings={"interval": "%dms" % INTERVAL_MS}, level="info", **options)
        self.alarms, self.starts = [], 0

    def start(self):
        self.starts += 1
        return super().start()

    def heed(self):
        """Adds to `alarms` what this process has said since it started; it is still there when the process is not."""
        said = [event for name in ALARMS for event in self.events(name)]
        said += [line for line in self.log().splitlines() if "Sanitizer" in line or "runtime error" in line]
        self.alarms += [event for event in said if event not in self.alarms]

    def kill(self):
        super().kill()
        self.heed()

    def stop(self, check=True):
        super().stop(check)
        self.heed()

    def pause(self):
        self.child.send_signal(signal.SIGSTOP)

    def go_on(self):
        self.child.send_signal(signal.SIGCONT)


class Stage(contextlib.ExitStack):
    """All of it, running while in its with block."""

    def __init__(self, directory, version=None):
        super().__init__()
        self.directory = str(directory)
        self.kafka = Kafka(os.path.join(self.directory, "kafka"), nodes=NODES, settings=BROKER, version=version)

    def __enter__(self):
        super().__enter__()
        os.makedirs(self.kafka.directory)
        self.enter_context(self.kafka)
        self.wires = {node: self.enter_context(FaultyWire(self.kafka, node)) for node in self.kafka.nodes}
        keys = Keys(os.path.join(self.directory, "keys"))
        names = ("gateway-a", "gateway-b")
        self.gateways = [self.enter_context(TorturedGateway(
            os.path.join(self.directory, name), self.kafka, keys=keys, writer=name, trusted={each: ["*"] for each in names},
            settings={"cluster": self._through_wires()})) for name in names]
        return self

    def _through_wires(self):
        nodes = [{"id": node, "address": wire.address} for node, wire in self.wires.items()]
        return {"bootstrap-servers": [node["address"] for node in nodes], "nodes": nodes}

    @property
    def bootstrap(self):
        """Of both gateways: who loses one finds the other."""
        return ",".join(gateway.bootstrap for gateway in self.gateways)

    def topic(self, name, partitions, **settings):
        return self.kafka.topic(name, partitions, **settings)

    def reassign(self, topic, replicas):
        """replicas: the nodes of each partition, the preferred leader first."""
        subprocess.run([sys.executable, os.path.join(HERE, "reassign.py"), self.kafka.bootstrap("INTERNAL"), topic,
                        json.dumps(replicas)], check=True, timeout=60)

    def in_sync(self, topics):
        """Waits until every replica of these topics is where its leader is, as when nothing is written."""
        eventually(lambda: all(self._same_everywhere(topic) for topic in topics), 120)

    def _same_everywhere(self, topic):
        told = self.kafka.admin_client.list_topics(topic, timeout=10).topics[topic]
        return bool(told.partitions) and all(
            partition.leader > 0 and set(partition.isrs) == set(partition.replicas) and self._same_ends(topic, partition)
            for partition in told.partitions.values())

    def _same_ends(self, topic, partition):
        ends = {self.end(topic, partition.id, node) for node in partition.replicas}
        return len(ends) == 1 and None not in ends

    def end(self, topic, partition, node):
        """The offset behind the last that a node has; None while that cannot be seen."""
        try:
            path = self.kafka.segments(topic, partition, node)[-1]
            found = segment.read(path)
        except (IndexError, FileNotFoundError, segment.Malformed):
            return None
        return found[-1].last_offset + 1 if found else int(os.path.basename(path)[:20])
