# SPDX-License-Identifier: Apache-2.0
"""The attacks are made, and everybody looks: run(directory) → {attack: {field of a column: cell}}."""

from contextlib import ExitStack

import observe
from attacks import POLICY
from catalogue import ATTACKS
from gateway import Gateway
from observe import NOTHING
from scene import Scene


def run(directory):
    with ExitStack() as stack:
        scene = Scene(directory, ATTACKS, stack)
        scene.write()
        scene.interrupt()
        scene.run()
        reader = stack.enter_context(Gateway(scene.path("reader"), scene.kafka, topics=POLICY, keys=scene.keys,
                                             trusted=scene.trusted))
        told = _look(scene, reader, [attack for attack in ATTACKS if not attack.act.rolled_back])
        scene.roll_back()
        return {**told, **_look(scene, reader, [attack for attack in ATTACKS if attack.act.rolled_back])}


def _look(scene, reader, attacks):
    places = {attack: scene.place(attack) for attack in attacks}
    live = observe.read(reader, {place: scene.batches(place) for place in places.values()})
    alone = observe.verify(reader, [scene.kafka.data()])
    held = observe.verify(reader, [scene.kafka.data()], scene.ledgers())
    assert not observe.of_ledgers(held), held["ledger"]
    return {attack: {"live": live[place], "verify": observe.of_batches(alone, place),
                     "ledger": _ledger_cell(scene, reader, attack, place, held)} for attack, place in places.items()}


def _ledger_cell(scene, reader, attack, place, held):
    """As it is with the ledgers that gateways kept, or with others where the attack is on them."""
    ledgers = attack.act.ledgers(scene, place)
    if ledgers is not None:
        held = observe.verify(reader, [scene.folder(place)], ledgers)
    return "; ".join([*observe.of_ledgers(held), *filter(NOTHING.__ne__, [observe.of_entries(held, place)])]) or NOTHING
