# SPDX-License-Identifier: Apache-2.0
"""No false alarms: whatever honest brokers, gateways, clients and networks suffer, readers are refused nothing and
`signet verify` is silent. One short run of the torture, and single faults that it would seldom hit."""

import check
import pytest
import relay
import traffic
from faults import ADD_PARTITIONS, END_TRANSACTION
from processes import eventually
from stage import Stage
from test_gateway_ledger import entries
from torture import Torture

pytestmark = pytest.mark.timeout(600)

SEED, SECONDS = 5, 15


@pytest.fixture(scope="module")
def stage(tmp_path_factory):
    with Stage(tmp_path_factory.mktemp("torture")) as standing:
        yield standing


class Scene:
    """A topic of one partition with the wire to its leader, and one sender that takes no turns of its own."""

    def __init__(self, stage, kind, name, bootstrap=None, **settings):
        self.stage, self.topic = stage, name
        stage.topic(name, 1)
        self.wire = stage.wires[stage.kafka.leader(name)]
        self.sender = kind(name, bootstrap or stage.bootstrap, name, 1, 0, **settings)

    def send(self, count=1):
        for _ in range(count):
            self.sender.send()
            self.sender.settle()

    def lose_answer(self, api=relay.PRODUCE):
        self.wire.lose_answers[api] = 1
        return self.wire.lost

    def check(self):
        """Silence; what is stored and what it is held to be, by its words."""
        self.stage.in_sync([self.topic])
        contents = check.Contents(self.stage.bootstrap, self.topic, 1)
        contents.check([self.sender])
        check.check_gateways(self.stage.gateways)
        folders = [self.stage.kafka.partition(self.topic, 0, node) for node in self.stage.kafka.nodes]
        for folder in folders:
            check.Verified(self.stage.gateways, [folder], ledgers=False).check()
        return contents.all[0], [check.Verified(self.stage.gateways, [folder]).check().words for folder in folders]


def test_lost_answer_idempotent(stage):
    """The same bytes go out again, and the broker answers with where it has them."""
    scene = Scene(stage, traffic.Idempotent, "lost-idempotent")
    scene.send(3)
    before = scene.lose_answer()
    scene.send(3)
    assert scene.wire.lost == before + 1
    stored, words = scene.check()
    assert len(stored) == 6 and words == [{"right": 6}] * 3


def test_lost_answer_repeated(stage):
    """Not idempotent: sealed twice and stored twice, of which the first is in no account."""
    scene = Scene(stage, traffic.Repeating, "lost-repeating")
    scene.send(3)
    scene.lose_answer()
    scene.send(3)
    stored, words = scene.check()
    assert [number for _, (_, number) in sorted(stored.items())] == [0, 1, 2, 3, 3, 4, 5]
    assert words == [{"right": 6, "not covered": 1}] * 3


def test_lost_answer_and_gateway(stage):
    """The gateway that keeps the bytes is killed before they go out again: the next seals the batch anew, which the broker has."""
    gateway = stage.gateways[0]
    scene = Scene(stage, traffic.Idempotent, "lost-gateway", gateway.bootstrap)
    scene.send(2)
    eventually(lambda: len(entries(gateway.logs(), stage.kafka, scene.topic)) == 2)  # A kill loses what is not published.
    leader = stage.kafka.leader(scene.topic)
    scene.wire.flowing.clear()
    scene.sender.send()
    eventually(lambda: [scene.sender.producer.poll(0), stage.end(scene.topic, 0, leader) == 3][1])
    gateway.kill()
    scene.wire.cut()
    scene.wire.flowing.set()
    gateway.start()
    scene.sender.settle()
    scene.send(2)
    stored, words = scene.check()
    assert len(stored) == 5 and words == [{"right": 4, "resolved duplicate": 1}] * 3


@pytest.mark.parametrize("api", (relay.PRODUCE, ADD_PARTITIONS, END_TRANSACTION))
def test_lost_answer_in_transaction(stage, api):
    scene = Scene(stage, traffic.Transactional, "lost-in-transaction-%d" % api)
    scene.sender.turn()
    before = sum(wire.lost for wire in stage.wires.values())
    for wire in stage.wires.values():
        wire.lose_answers[api] = 1  # The coordinator may be anywhere.
    for _ in range(5):
        scene.sender.turn()
    for wire in stage.wires.values():
        wire.lose_answers.clear()
    # With transactions of version 2 nobody asks for partitions to be added.
    assert api == ADD_PARTITIONS or sum(wire.lost for wire in stage.wires.values()) > before
    _, words = scene.check()
    assert all(set(told) == {"right"} for told in words)
    assert {outcome for *_, outcome in scene.sender.transactions} == {"committed", "aborted"}


def test_run(stage):
    """A short one, always the same. What it prints tells where it failed."""
    torture = Torture(stage, SEED)
    torture.run(SECONDS)
    assert len(torture.done) >= 3 and all(sender.sent for sender in torture.senders)
