# SPDX-License-Identifier: Apache-2.0
"""What goes wrong. A fault is drawn from a random source before anything is done, so that it depends on the seed alone.

`do` makes it and `undo` makes it good; in between time passes. A fault that is over at once has no `undo` of its own.
"""

import os
import signal

import relay

FETCH, METADATA, COMMIT, COORDINATOR, JOIN = 1, 3, 8, 10, 11
INIT_PRODUCER, ADD_PARTITIONS, END_TRANSACTION = 22, 24, 26


class Fault:
    """of: what it happens to, which can have one fault at a time. seconds: how long it may last."""

    of = None
    seconds = (0, 0)

    def __init__(self, random, stage):
        self.stage = stage
        self.lasts = random.uniform(*self.seconds)

    def do(self):
        raise NotImplementedError

    def undo(self):
        pass

    def excludes(self, other):
        return self.of is not None and self.of == other.of

    def __str__(self):
        return type(self).__name__


class OfNode(Fault):
    def __init__(self, random, stage):
        super().__init__(random, stage)
        self.node = random.choice(list(stage.kafka.nodes))

    def __str__(self):
        return "%s %d" % (super().__str__(), self.node)


class OfBroker(OfNode):
    """One broker at a time: two would stop the cluster."""

    of = "broker"


class BrokerKilled(OfBroker):
    seconds = (0, 9)

    def do(self):
        self.stage.kafka.kill(self.node)

    def undo(self):
        self.stage.kafka.start_node(self.node)


class BrokerStopped(BrokerKilled):
    """In order."""

    def do(self):
        self.stage.kafka.stop_node(self.node)


class BrokerPaused(OfBroker):
    """It does not know that it has been left out, and wakes as the leader that it was."""

    seconds = (1, 9)

    def do(self):
        os.kill(self.stage.kafka.pid(self.node), signal.SIGSTOP)

    def undo(self):
        os.kill(self.stage.kafka.pid(self.node), signal.SIGCONT)


class OfGateway(Fault):
    def __init__(self, random, stage):
        super().__init__(random, stage)
        self.which = random.randrange(len(stage.gateways))
        self.of = "gateway", self.which

    @property
    def gateway(self):
        return self.stage.gateways[self.which]

    def __str__(self):
        return "%s %s" % (super().__str__(), self.gateway.writer)


class GatewayKilled(OfGateway):
    seconds = (0, 3)

    def do(self):
        self.gateway.kill()

    def undo(self):
        self.gateway.start()


class GatewayStopped(GatewayKilled):
    """In order."""

    def do(self):
        self.gateway.stop()


class GatewayPaused(OfGateway):
    seconds = (0.1, 3)

    def do(self):
        self.gateway.pause()

    def undo(self):
        self.gateway.go_on()


class OfWire(OfNode):
    def __init__(self, random, stage):
        super().__init__(random, stage)
        self.of = "wire", self.node

    @property
    def wire(self):
        return self.stage.wires[self.node]


class AnswersLost(OfWire):
    """The broker has done what it was asked for, and nobody is told."""

    APIS = {"Produce": relay.PRODUCE, "Fetch": FETCH, "Metadata": METADATA, "OffsetCommit": COMMIT, "FindCoordinator": COORDINATOR,
            "JoinGroup": JOIN, "InitProducerId": INIT_PRODUCER, "AddPartitionsToTxn": ADD_PARTITIONS, "EndTxn": END_TRANSACTION}

    seconds = (0.5, 4)

    def __init__(self, random, stage):
        super().__init__(random, stage)
        self.name = random.choice(["Produce"] * len(self.APIS) + sorted(self.APIS))
        self.count = random.choice((1, 2, 5))

    def _losing(self):
        return self.wire.lose_answers

    def do(self):
        self._losing()[self.APIS[self.name]] = self.count

    def undo(self):
        self._losing().clear()

    def __str__(self):
        return "%s %s %d" % (super().__str__(), self.name, self.count)


class RequestsLost(AnswersLost):
    """The broker was never asked."""

    def _losing(self):
        return self.wire.lose_requests


class ConnectionsCut(OfWire):
    def do(self):
        self.wire.cut()


class AnswersHeld(OfWire):
    """They come late."""

    seconds = (0.5, 5)

    def do(self):
        self.wire.flowing.clear()

    def undo(self):
        self.wire.flowing.set()


class LeadersChanged(Fault):
    """Replicas in another order: the controller soon elects the first of them that it can."""

    def __init__(self, random, stage):
        super().__init__(random, stage)
        self.topic = random.choice(sorted(stage.topics))
        self.orders = [random.sample(list(stage.kafka.nodes), len(stage.kafka.nodes)) for _ in range(stage.topics[self.topic])]

    def do(self):
        self.stage.reassign(self.topic, self.orders)

    def __str__(self):
        return "%s %s %s" % (super().__str__(), self.topic, self.orders)


FAULTS = (BrokerKilled, BrokerStopped, BrokerPaused, GatewayKilled, GatewayStopped, GatewayPaused, AnswersLost, AnswersLost,
          RequestsLost, ConnectionsCut, AnswersHeld, LeadersChanged, LeadersChanged)
