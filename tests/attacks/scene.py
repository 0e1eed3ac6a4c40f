# SPDX-License-Identifier: Apache-2.0
"""One run of real brokers and gateways in which every attack of the catalogue is made.

Everybody but the attackers is honest: three gateways, each with a writer of its own and a ledger, seal to a topic for each
attack. The broker is stopped once in between, when a snapshot of its data directory is made, and once in the end.
"""

import base64
import collections
import itertools
import os
import shutil
from concurrent.futures import ThreadPoolExecutor

import segment
from attacks import BATCHES, PLAIN, POLICY, Transactions
from confluent_kafka import Producer
from exchange import Endpoint
from gateway import Gateway, Keys
from kafka import Kafka
from keeper import Keeper

from catalogue import TRANSACTIONS

WRITERS = {"a": "gateway-a", "b": "gateway-b", "c": "gateway-c"}
SOURCE = "source"

# How soon a broker deletes the segments that are to be kept no longer; nobody waits for its usual five minutes.
SWEEPING = {"log.retention.check.interval.ms": 300, "log.initial.task.delay.ms": 300}


class Scene:
    """What there is. A place is (topic, partition), and every attack has one of its own."""

    def __init__(self, directory, attacks, stack):
        self.directory, self.attacks, self.stack = str(directory), attacks, stack
        self.keys = Keys(self.path("keys"))
        self.kafka = Kafka(self.path("kafka"), settings=SWEEPING)
        self.snapshot = self.path("snapshot")
        self.strangers = None
        self._scratches = itertools.count()
        self.gateways = {letter: self._keeper(letter) for letter in WRITERS}
        self.trusted = {name: ["*"] for name in WRITERS.values()}
        self._others = {}

    def path(self, name):
        return os.path.join(self.directory, name)

    # What attackers find.

    def place(self, attack):
        if attack.kind is TRANSACTIONS:
            return self.transactions.topic, self._of(TRANSACTIONS).index(attack)
        return attack.topic, 0

    def folder(self, place):
        return self.kafka.partition(*place)

    def segments(self, place):
        return self.kafka.segments(*place)

    def batches(self, place):
        return [batch for path in self.segments(place) for batch in segment.read(path)]

    def topic_id(self, place):
        return base64.urlsafe_b64decode(self.kafka.topic_id(*place) + "==")

    def secret(self, name):
        return self.keys.secret(name)

    def public(self, name):
        return base64.b64decode(self.keys.public(name).split()[1])[:32]

    def others(self, place):
        """Batches of other genuine logs, by name: what the act needs, and another topic's."""
        return {"topic": self.batches((SOURCE, 0)), **self._others.get(place[0], {})}

    def endpoint(self, letter="a"):
        return Endpoint(self.gateways[letter].bootstrap, self.kafka)

    def ledgers(self):
        return [gateway.ledger_directory for gateway in self.gateways.values()]

    def ledgers_then(self, letter):
        """The same, one gateway's as it was when the snapshot was made."""
        return [self.path("ledger-then-" + letter), *(self.gateways[other].ledger_directory for other in WRITERS if other != letter)]

    # What they have.

    def scratch(self):
        """A new folder."""
        folder = self.path("scratch-%d" % next(self._scratches))
        os.makedirs(folder)
        return folder

    def stranger(self, writer, recipients):
        """A gateway of an attacker's, with this writer's key."""
        if self.strangers is None:
            self.strangers = Gateway(self.path("strangers"), self.kafka, keys=self.keys, writer=writer, recipients=recipients)
            self.stack.enter_context(self.strangers)
        else:
            self.strangers.writer, self.strangers.recipients, self.strangers.trusted = writer, recipients, {writer: ["*"]}
            self.strangers.write()
            self.strangers.reload()
        return Endpoint(self.strangers.bootstrap, self.kafka)

    def send(self, endpoint, place, index):
        """One batch of three records more than all that is there by then."""
        send(endpoint, [(PLAIN, *place, BATCHES + index)])

    # What happens, in this order.

    def write(self):
        """All logs as they are before any attack."""
        self.keys.recipient("analytics")  # Two threads would make it at the same time.
        self.keys.writer(WRITERS["a"])
        with ThreadPoolExecutor(1) as pool:
            elsewhere = pool.submit(self._write_elsewhere)
            self.stack.enter_context(self.kafka)
            for gateway in self.gateways.values():
                self.stack.enter_context(gateway)
            self._write_deleted()
            alone = [a for a in self.attacks if a.kind is not TRANSACTIONS]
            self.kafka.topics({SOURCE: {}, **{a.topic: a.kind.settings for a in alone if a.act.needs != "partition"}})
            self.kafka.topics({a.topic: a.kind.settings for a in self._needing("partition")}, partitions=2)
            for letter in WRITERS:
                send(self.endpoint(letter), [
                    (attack.kind, attack.topic, partition, index) for attack in alone if attack.writer == letter
                    for partition in range(1 + (attack.act.needs == "partition")) for index in range(BATCHES)])
            send(self.endpoint(), whole(PLAIN, SOURCE))
            self.transactions = Transactions(self.endpoint(), len(self._of(TRANSACTIONS)))
            elsewhere.result()
        self.gateways["c"].stop()
        for attack in self._needing("partition"):
            self._others[attack.topic] = {"partition": self.batches((attack.topic, 1))}

    def interrupt(self):
        """The broker is down for a while, and comes back; then some writers go on. Gateway c is there only before and after."""
        self.kafka.stop_node()
        shutil.copytree(self.kafka.data(), self.snapshot)
        for letter, gateway in self.gateways.items():
            shutil.copytree(gateway.ledger_directory, self.path("ledger-then-" + letter))
        for attack in self.attacks:
            attack.act.interrupted(self, self.place(attack))
        self.kafka.start_node()
        self.gateways["c"].start()
        for letter in WRITERS:
            send(self.endpoint(letter), [(attack.kind, attack.topic, 0, BATCHES) for attack in self.attacks
                                         if attack.act.goes_on == letter])

    def run(self):
        """What attackers do while everybody is at work; then all end."""
        with Keeper(self.path("nobody"), self.kafka, keys=self.keys, writer="nobody") as gateway:
            self.ledger_of_nobody = gateway.ledger_directory
        for attack in self.attacks:
            attack.act.running(self, self.place(attack))
        for gateway in self.gateways.values():
            gateway.stop()
        self.kafka.stop_node()
        for attack in self.attacks:
            attack.act.stopped(self, self.place(attack))
        self.kafka.start_node()

    def roll_back(self):
        """The broker's whole data directory is put back; then some writers start again, and go on."""
        self.kafka.stop_node()
        shutil.rmtree(self.kafka.data())
        shutil.copytree(self.snapshot, self.kafka.data())
        self.kafka.start_node()
        for letter, gateway in self.gateways.items():
            batches = [(attack.kind, attack.topic, 0, BATCHES + 1) for attack in self.attacks if attack.act.writes_on == letter]
            if batches:
                with gateway:
                    send(self.endpoint(letter), batches)

    # How.

    def _keeper(self, letter):
        return Keeper(self.path("gateway-" + letter), self.kafka, topics=POLICY, keys=self.keys, writer=WRITERS[letter])

    def _of(self, kind):
        return [attack for attack in self.attacks if attack.kind is kind]

    def _needing(self, what):
        return [attack for attack in self.attacks if attack.act.needs == what]

    def _write_elsewhere(self):
        """Topics of the same names in another cluster, by the same writer."""
        kafka = Kafka(self.path("other-kafka"))
        with kafka, Keeper(self.path("elsewhere"), kafka, keys=self.keys, writer=WRITERS["a"]) as gateway:
            self.ledger_elsewhere = gateway.ledger_directory
            for attack in self._needing("cluster"):
                send(Endpoint(gateway.bootstrap, kafka), whole(attack.kind, kafka.topic(attack.topic)))
                self._others[attack.topic] = {"cluster": segment.read(kafka.segments(attack.topic)[-1])}

    def _write_deleted(self):
        for attack in self._needing("deleted"):
            send(self.endpoint(), whole(attack.kind, self.kafka.topic(attack.topic)))
            self._others[attack.topic] = {"deleted": self.batches((attack.topic, 0))}
            self.kafka.delete_topic(attack.topic)


def whole(kind, topic):
    return [(kind, topic, 0, index) for index in range(BATCHES)]


def send(endpoint, batches):
    """Sends (kind, topic, partition, index) each as one batch, one after another where they have a place in common; those of
    kinds that ask for the same go over one connection."""
    jobs = collections.defaultdict(list)
    for kind, topic, partition, index in batches:
        job = {"acks": "all", "idempotent": True, "connection": 0 if kind.one_connection else index, **kind.job}
        jobs[tuple(sorted(job.items()))].append((index, kind, topic, partition))
    for job, parts in sorted(jobs.items(), key=lambda item: dict(item[0])["connection"]):
        _send(endpoint, dict(job), parts)


def _send(endpoint, job, parts):
    failed = []
    producer = Producer({"bootstrap.servers": endpoint.bootstrap, "acks": job["acks"], "enable.idempotence": job["idempotent"],
                         "linger.ms": 60_000, "log_level": 0})
    for topic in {topic for _, _, topic, _ in parts}:
        producer.list_topics(topic, 10)  # One that is not known yet gets its first record in a batch of its own.
    for _, together in itertools.groupby(sorted(parts, key=lambda part: part[0]), lambda part: part[0]):
        for index, kind, topic, partition in together:
            for record in kind.batch(partition, index):
                producer.produce(topic, record.value, record.key, partition, timestamp=record.timestamp,
                                 on_delivery=lambda error, _: error and failed.append(error))
        assert producer.flush(60) == 0 and not failed, failed[:3]
