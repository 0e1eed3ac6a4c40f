# SPDX-License-Identifier: Apache-2.0
"""The attacks are made, and everybody looks: run(directory) → {attack: {field of a column: cell}}."""

from contextlib import ExitStack

import observe
from attacks import POLICY
from catalogue import ATTACKS
from gateway import Gateway
from scene import Scene


def run(directory):
    with ExitStack() as stack:
        scene = Scene(directory, ATTACKS, stack)
        scene.write()
        scene.interrupt()
        scene.run()
        reader = stack.enter_context(Gateway(scene.path("reader"), scene.kafka, topics=POLICY, keys=scene.keys,
                                             trusted=scene.trusted))
        places = {attack: scene.place(attack) for attack in ATTACKS}
        live = observe.read(reader, {place: scene.batches(place) for place in places.values()})
        alone = observe.verify(reader, [scene.kafka.data()])
        held = observe.verify(reader, [scene.kafka.data()], scene.ledgers())
        return {attack: {"live": live[place], "verify": observe.of_batches(alone, place),
                         "ledger": observe.of_entries(held, place)} for attack, place in places.items()}
