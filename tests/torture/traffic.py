# SPDX-License-Identifier: Apache-2.0
"""Clients that go on whatever happens, and remember what they were told.

A record's value is a function of its sender's name and its number in it, so that whoever reads one can tell whether it
is as it was sent. What each kind of sender may expect of a topic is in `check.py`.
"""

import collections
import random
import threading
import time

from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition

PAUSE_SECONDS = 0.02
FLUSH_SECONDS = 150
COMMON = {"log_level": 0, "reconnect.backoff.max.ms": 500, "topic.metadata.refresh.interval.ms": 2000, "socket.timeout.ms": 10000}


def value_of(name, number):
    """Mostly small, now and then larger than a packet."""
    size = 6000 if number % 97 == 0 else number * 37 % 400
    return b"%s/%d/" % (name.encode(), number) + bytes([97 + number % 26]) * size


def sent_as(value):
    """The sender's name and the number of a value that is as it was sent; else None."""
    name, _, rest = value.decode("ascii", "replace").partition("/")
    number = rest.partition("/")[0]
    if not number.isdigit() or value != value_of(name, int(number)):
        return None
    return name, int(number)


class Client(threading.Thread):
    """Turns in a thread of its own; between two turns it can be held."""

    def __init__(self, name):
        super().__init__(name=name, daemon=True)
        self._going, self._held, self._ended = threading.Event(), threading.Event(), threading.Event()
        self._going.set()
        self.failure = None

    def run(self):
        try:
            while not self._ended.is_set():
                if not self._going.is_set():
                    self._held.set()
                    self._going.wait()
                    self._held.clear()
                else:
                    self.turn()
            self.end()
        except BaseException as e:  # It is told by whoever waits for this client.
            self.failure = e
            raise
        finally:
            self._held.set()

    def hold(self):
        """Asks for a halt; `wait_held` waits for it."""
        self._going.clear()

    def wait_held(self):
        assert self._held.wait(FLUSH_SECONDS), "%s does not stand still" % self.name
        assert self.failure is None, (self.name, self.failure)

    def go_on(self):
        self._going.set()

    def finish(self):
        self._ended.set()
        self._going.set()
        self.join(FLUSH_SECONDS)
        assert self.failure is None and not self.is_alive(), (self.name, self.failure)

    def end(self):
        pass


class Sender(Client):
    """Sends numbered records to one topic.

    sent: how many. acknowledged: number → (partition, offset), or (partition, None) where the offset was not told.
    failed: numbers that were given up, with their errors.
    """

    exactly_once = False
    durable = True

    def __init__(self, name, bootstrap, topic, partitions, seed, **settings):
        super().__init__(name)
        self.topic, self.partitions = topic, partitions
        self.sent, self.acknowledged, self.failed = 0, {}, {}
        self.random = random.Random("%s/%s" % (seed, name))
        self.settings = {**COMMON, "bootstrap.servers": bootstrap, "linger.ms": 5, "message.timeout.ms": FLUSH_SECONDS * 1000,
                         "error_cb": self._error, **self.kind(), **settings}
        self.producer = Producer(self.settings)

    def kind(self):
        """What makes the producer of this kind."""
        raise NotImplementedError

    def partition(self, number):
        return number * 7 // 3 % self.partitions

    def _error(self, error):
        if error.fatal():
            self.failure = self.failure or KafkaException(error)

    def send(self):
        number = self.sent
        self.sent += 1
        self.producer.produce(self.topic, value_of(self.name, number), partition=self.partition(number),
                              on_delivery=lambda error, message: self._delivered(number, error, message))

    def _delivered(self, number, error, message):
        if error:
            self.failed[number] = error
        else:
            offset = message.offset()
            self.acknowledged[number] = message.partition(), offset if offset is not None and offset >= 0 else None

    def turn(self):
        for _ in range(self.random.choice((1, 1, 3, 10))):
            self.send()
        self.producer.poll(0)
        time.sleep(self.random.random() * PAUSE_SECONDS * 2)

    def settle(self):
        """While held: waits until everything sent has its answer."""
        left = self.producer.flush(FLUSH_SECONDS)
        assert left == 0, "%s: %d without an answer" % (self.name, left)
        assert not self.failed, (self.name, list(self.failed.items())[:3])

    def end(self):
        self.settle()


class Idempotent(Sender):
    exactly_once = True

    def kind(self):
        return {"enable.idempotence": True}


class Repeating(Sender):
    """Not idempotent: a lost answer makes a duplicate."""

    def kind(self):
        return {"acks": "all"}


class Leading(Sender):
    """Content with the leader's word: what a leader loses with its lead is lost."""

    durable = False

    def kind(self):
        return {"acks": 1}


class Transactional(Sender):
    """Commits and aborts. `transactions`: first number, number behind the last, and committed, aborted or None for unknown."""

    exactly_once = True

    def __init__(self, *arguments, **settings):
        self.transactions = []
        super().__init__(*arguments, **settings)
        self._begun = False

    def kind(self):
        return {"transactional.id": self.name, "transaction.timeout.ms": FLUSH_SECONDS * 1000}

    def turn(self):
        try:
            if not self._begun:
                self.producer.init_transactions(FLUSH_SECONDS)
                self._begun = True
            self._transact()
        except KafkaException as e:
            if not e.args[0].fatal():
                raise
            # Fenced or out of step: the next producer of this name begins again, and the coordinator aborts what was open.
            self.producer, self._begun = Producer(self.settings), False

    def _transact(self):
        wanted = self.random.choice((True, True, False))
        first = self.sent
        outcome = None
        self.producer.begin_transaction()
        try:
            for _ in range(self.random.choice((1, 5, 20))):
                self.send()
                self.producer.poll(0)
                time.sleep(self.random.random() * PAUSE_SECONDS)
            outcome = self._end_transaction(wanted)
        finally:
            self.transactions.append((first, self.sent, outcome))

    def _end_transaction(self, commit):
        while True:
            try:
                if commit:
                    self.producer.commit_transaction(FLUSH_SECONDS)
                else:
                    # What is not flushed is purged, and then there may be no transaction, which brokers take amiss.
                    self.producer.flush(FLUSH_SECONDS)
                    self.producer.abort_transaction(FLUSH_SECONDS)
                return "committed" if commit else "aborted"
            except KafkaException as e:
                error = e.args[0]
                if error.txn_requires_abort():
                    commit = False
                elif not error.retriable():
                    raise

    def settle(self):
        self.producer.flush(FLUSH_SECONDS)


# What a consumer is told in the course of nature.
TRANSIENT = {
    KafkaError._TRANSPORT, KafkaError._ALL_BROKERS_DOWN, KafkaError._TIMED_OUT, KafkaError._RESOLVE,
    KafkaError.NOT_COORDINATOR, KafkaError.COORDINATOR_NOT_AVAILABLE, KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
    KafkaError.REQUEST_TIMED_OUT, KafkaError._MAX_POLL_EXCEEDED, KafkaError.UNKNOWN_MEMBER_ID,
}


class Reader(Client):
    """Reads its topics from the start on and remembers who sent what it read, by place; what is not as sent fails it at once."""

    def __init__(self, name, bootstrap, topics, group=None, **settings):
        """topics: names and numbers of partitions. group: read as its only member; None reads all partitions, and knows no resets."""
        super().__init__(name)
        self.topics = dict(topics)
        self.read = collections.defaultdict(dict)  # (topic, partition) → offset → (sender, number)
        self.told = collections.Counter()
        self.consumer = Consumer({**COMMON, "bootstrap.servers": bootstrap, "group.id": group or name, "check.crcs": True,
                                  "enable.auto.commit": group is not None, "fetch.wait.max.ms": 100, "session.timeout.ms": 10000,
                                  "auto.offset.reset": "earliest" if group else "error", **settings})
        if group:
            self.consumer.subscribe(list(self.topics))
        else:
            self.consumer.assign([TopicPartition(topic, partition, 0) for topic, count in self.topics.items()
                                  for partition in range(count)])

    def turn(self):
        for message in self.consumer.consume(500, 0.1):
            error = message.error()
            if error is None:
                self._take(message)
            elif error.code() in TRANSIENT:
                self.told[error.name()] += 1
            else:
                raise KafkaException(error)

    def _take(self, message):
        place, offset, value = (message.topic(), message.partition()), message.offset(), message.value()
        known = sent_as(value)
        assert known, (self.name, place, offset, value[:40])
        before = self.read[place].setdefault(offset, known)
        assert before == known, "%s: at %s %d stood %s, and now %s" % (self.name, place, offset, before, known)

    def end(self):
        self.consumer.close()
