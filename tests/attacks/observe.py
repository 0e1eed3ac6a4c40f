# SPDX-License-Identifier: Apache-2.0
"""What is said of each place: by a gateway to a consumer, and by `signet verify`.

A cell of the table is "WORD FIRST–LAST", several of them in the order of their offsets with "; " between, or NOTHING.
"""

import json

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, TopicPartition
from gateway import signet
from processes import eventually

DELIVERED, NOTHING = "delivered", "nothing"
CORRUPT_MESSAGE = 2
READ_SECONDS_MAX = 60
GOOD, FINDING, NO_ANSWER = 0, 1, 3
BAD = ("bad", "could not tell")
TOLD = ("not covered",)  # Notes that are told all the same: they are all that there is of some attacks.


def ranged(word, first, last):
    return "%s %d" % (word, first) if first == last else "%s %d\u2013%d" % (word, first, last)


def cell(found):
    """From (word, first offset, last offset)."""
    return "; ".join(ranged(*one) for one in sorted(set(found), key=lambda one: (one[1], one[2], one[0]))) or NOTHING


def runs(offsets):
    """(first, last) of numbers that follow one another."""
    found = []
    for offset in offsets:
        if found and found[-1][1] == offset - 1:
            found[-1] = found[-1][0], offset
        else:
            found.append((offset, offset))
    return found


# The live reader.


def read(gateway, stored):
    """What one stock consumer gets of each place, from its start to its end or to the first error: a cell for each.

    stored: the batches of each place. Delivered must be a run of their records without a hole, which ends where the log
    does if there is no error, and before that if there is one; of transactions, those that were committed.
    """
    places = list(stored)
    delivered, codes = _consumed(gateway.bootstrap, places)
    cells = {}
    for topic, partition in places:
        place = topic, partition
        refused = [(verdict, at, at) for verdict, of, at in gateway.refusals(topic) if of == partition]
        assert codes[place] == ({CORRUPT_MESSAGE} if refused else set()), (place, codes[place], refused)
        _check_run(place, delivered[place], stored[place], refused)
        got = [(DELIVERED, *run) for run in runs(delivered[place])]
        cells[place] = cell(refused or got) if refused or got else DELIVERED + " nothing"
    return cells


def _check_run(place, delivered, batches, refused):
    there = [offset for batch in batches if not batch.control for offset in range(batch.base_offset, batch.last_offset + 1)]
    told = place, delivered, there, refused
    if any(batch.transactional for batch in batches) and not refused:
        assert set(delivered) <= set(there), told
        return
    begin = there.index(delivered[0]) if delivered else 0
    assert delivered == there[begin:begin + len(delivered)], told
    assert (begin + len(delivered) == len(there)) != bool(refused), told


def _consumed(bootstrap, places):
    """Offsets delivered and codes of errors, by place."""
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "unused", "enable.auto.commit": False,
                         "enable.partition.eof": True, "auto.offset.reset": "earliest", "isolation.level": "read_committed",
                         "fetch.wait.max.ms": 50, "log_level": 0})
    delivered, codes, open_places = {place: [] for place in places}, {place: set() for place in places}, set(places)

    def take():
        for message in consumer.consume(1000, 0.2):
            place, error = (message.topic(), message.partition()), message.error()
            if not error:
                delivered[place].append(message.offset())
                continue
            if error.code() != KafkaError._PARTITION_EOF:
                codes[place].add(error.code())
            if place in open_places:
                open_places.discard(place)
                consumer.incremental_unassign([TopicPartition(*place)])
        return not open_places

    consumer.assign([TopicPartition(*place, OFFSET_BEGINNING) for place in places])
    try:
        eventually(take, READ_SECONDS_MAX)
    finally:
        consumer.close()
    return delivered, codes


# The auditor.


def verify(gateway, paths, ledgers=(), options=()):
    """One run over folders and ledgers: its exit code, and what it says to programs."""
    options = [*options, *(part for ledger in ledgers for part in ("--ledger", ledger))]
    done = signet("verify", "--config", gateway.config_path, *options, "--json", *paths, check=False)
    assert "Sanitizer" not in done.stderr and done.stdout, done.stderr
    answer = json.loads(done.stdout)
    assert (answer["intact"], answer["bad"]) == (done.returncode == GOOD, done.returncode == FINDING), done.returncode
    return answer


def of_batches(answer, place):
    """The verdicts on a place."""
    return cell((f["verdict"] or f["kind"], f["first-offset"], f["last-offset"]) for f in answer["findings"]
                if (f["topic"], f["partition"]) == place and f["kind"] in BAD)


def of_ledgers(answer):
    """What is said of ledgers as such; which record it is depends on the time that writing took."""
    return sorted({f["word"] for f in answer["ledger"]["findings"] if f["kind"] in BAD})


def of_entries(answer, place):
    """What the ledger says of it."""
    return cell((f["word"], f["first-offset"], f["last-offset"]) for f in answer["entries"]["findings"]
                if (f["topic"], f["partition"]) == place and (f["kind"] in BAD or f["word"] in TOLD))
