# SPDX-License-Identifier: Apache-2.0
"""What attackers do, and when: an act does something in one or more of the moments of a scene, and nothing in the others.

    interrupted   the broker is down, gateways go on; afterwards writers send one more batch to each of these topics
    running       brokers and gateways are up
    stopped       everything is down
"""

import os
import shutil
import time

import kafka_batch
import sealed_batch
import segment
from attacks import forge_outcome
from confluent_kafka import Producer, TopicPartition
from confluent_kafka.admin import AdminClient
from edits import FORGED_RECORDS
from processes import eventually


class Act:
    """Does nothing: the topic stays as it was written.

    needs: what there must be besides the topic: another "partition" of it, a "deleted" topic of its name, or one in
    another "cluster"; its batches are among the scene's `others`.
    goes_on: the gateway that sends one batch more after the interruption; None where nobody does.
    rolled_back: whether it is done in the end, when the broker's whole data directory was put back to the snapshot.
    writes_on: the gateway that starts again then, and sends one batch more.
    """

    needs = None
    goes_on = None
    rolled_back = False
    writes_on = None

    def interrupted(self, scene, place):
        pass

    def running(self, scene, place):
        pass

    def stopped(self, scene, place):
        pass

    def ledgers(self, scene, place):
        """The ledgers to verify with; None are those that gateways kept."""


class Edit(Act):
    """Other batches in the last segment: `edit` is one of edits.py."""

    def __init__(self, edit, needs=None):
        self.edit, self.needs = edit, needs

    def stopped(self, scene, place):
        segment.rewrite(scene.segments(place)[-1], lambda found: self.edit(found, scene.others(place)))


class Files(Act):
    """`change` is given the scene and the folder of the partition."""

    def __init__(self, change):
        self.change = change

    def stopped(self, scene, place):
        self.change(scene, scene.folder(place))


class Live(Act):
    """`do` is given the scene and the place. `gone`: of the log's segments so many are gone soon after, and waited for."""

    def __init__(self, do, gone=0):
        self.do, self.gone = do, gone

    def running(self, scene, place):
        before = scene.segments(place)
        self.do(scene, place)
        eventually(lambda: not set(scene.segments(place)) & set(before[:self.gone]))


class Interruption(Act):
    """An edit behind which a gateway writes on: the same process as before, or another one."""

    def __init__(self, edit, goes_on="a"):
        self.edit, self.goes_on = edit, goes_on

    def interrupted(self, scene, place):
        segment.rewrite(scene.segments(place)[-1], lambda found: self.edit(found, scene.others(place)))


class PutBack(Act):
    """What the gateway went on with is gone again: the partition's folder is as it was when the snapshot was made."""

    goes_on = "a"

    def stopped(self, scene, place):
        folder = scene.folder(place)
        shutil.rmtree(folder)
        shutil.copytree(os.path.join(scene.snapshot, os.path.basename(folder)), folder)


class RolledBack(Act):
    """All that the broker has is as it was when the snapshot was made, and so are ledgers where `with_ledgers`."""

    rolled_back = True

    def __init__(self, goes_on="a", writes_on=None, with_ledgers=False):
        self.goes_on, self.writes_on, self.with_ledgers = goes_on, writes_on, with_ledgers

    def ledgers(self, scene, place):
        return scene.ledgers_then(self.goes_on) if self.with_ledgers else None


class ByStranger(Act):
    """A batch is sealed by a gateway of somebody else's, which keeps no ledger.

    writer: the key that it has. trusted: what the trust file comes to say of it, when that is not there yet.
    honest: so many batches come before from the key's owner; where the writer is revoked they are the last good ones.
    """

    def __init__(self, writer, trusted=None, recipients=("analytics",), honest=0):
        self.writer, self.trusted, self.recipients, self.honest = writer, trusted, recipients, honest

    def running(self, scene, place):
        endpoint = scene.stranger(self.writer, self.recipients)
        for index in range(self.honest + 1):
            scene.send(endpoint, place, index)
        if self.trusted:
            scene.trusted[self.writer] = self.trusted
        if self.honest:
            last = scene.batches(place)[-2].last_offset
            row = {"topic": place[0], "topic-id": scene.kafka.topic_id(*place), "partition": place[1], "offset": last}
            scene.trusted[self.writer] = {**self.trusted, "revoked": {"reason": "stolen", "last-good": [row]}}


class Outcomes(Act):
    """One of the forgeries of tests/integration/attacks.py, in a log of three transactions."""

    def __init__(self, outcome):
        self.outcome = outcome

    def stopped(self, scene, place):
        path = scene.segments(place)[-1]
        forge_outcome(path, self.outcome)
        # Of a log that was written to a moment ago `signet verify` cannot tell whether a line is yet to come.
        os.utime(path, (time.time() - 3600,) * 2)


# Changes to the files of a partition. Its segments have one batch each where the kind says so.


def _numbered(folder):
    return sorted(name[:-len(".log")] for name in os.listdir(folder) if name.endswith(".log"))


def _drop(folder, number):
    for name in os.listdir(folder):
        if name.startswith(number):
            os.unlink(os.path.join(folder, name))


def without_segments(first, last=None):
    """Of the segments by their order, those from `first` to before `last` are gone."""
    def change(scene, folder):
        for number in _numbered(folder)[first:last]:
            _drop(folder, number)
    return change


def with_segments(arrange):
    """`arrange` takes the lists of batches, one a segment, to others; offsets follow one another then."""
    def change(scene, folder):
        before = [segment.read(os.path.join(folder, number + ".log")) for number in _numbered(folder)]
        for number in _numbered(folder):
            _drop(folder, number)
        offset = before[0][0].base_offset
        for found in arrange(before):
            found = segment.renumber(found, offset)
            offset = found[-1].last_offset + 1
            path = os.path.join(folder, "%020d.log" % found[0].base_offset)
            with open(path, "wb") as file:
                file.write(b"".join(batch.data for batch in found))
    return change


def start_moved(offset):
    """The broker's own note of where a log starts says another offset."""
    def change(scene, folder):
        topic, partition = os.path.basename(folder).rsplit("-", 1)
        path = os.path.join(os.path.dirname(folder), "log-start-offset-checkpoint")
        with open(path) as file:
            version, _, *rows = file.read().splitlines()
        rows = [row for row in rows if row.split()[:2] != [topic, partition]] + ["%s %s %d" % (topic, partition, offset)]
        with open(path, "w") as file:
            file.write("\n".join([version, str(len(rows)), *rows]) + "\n")
    return change


# What is asked of the brokers, with nothing in between.


def injecting(scene, place):
    producer = Producer({"bootstrap.servers": scene.kafka.bootstrap(), "log_level": 0})
    producer.produce(place[0], b"forged", b"k", place[1])
    assert producer.flush(30) == 0


def deleting_records(offset):
    def do(scene, place):
        admin = AdminClient({"bootstrap.servers": scene.kafka.bootstrap(), "log_level": 0})
        [deleted] = admin.delete_records([TopicPartition(*place, offset)]).values()
        assert deleted.result(30).low_watermark == offset
    return do


def keeping(**settings):
    """Other settings of the topic."""
    def do(scene, place):
        scene.kafka.configure("topic", place[0], **settings)
    return do


# What is sealed by others. Both need no gateway: the second implementation seals, and the attacker writes to the file.


def _inner(batch, value):
    """A batch as a producer would send it in the place of another: its counts, times and producer fields."""
    made = segment.forge([(b"k", value)] * FORGED_RECORDS, 0, batch.base_timestamp, batch.attributes & segment.TRANSACTIONAL,
                         batch.producer_id, batch.producer_epoch, batch.base_sequence)
    return kafka_batch.read_batch(made.data)


def _sealed(scene, place, batch, secret, recipients=(), data_key=None, claimed=None):
    """Sealed anew for the place of a batch, under a writer's secret key; `claimed`: the writer that the header names."""
    stream = sealed_batch.Stream(secret, scene.kafka.cluster_id, scene.topic_id(place), place[0], place[1], recipients,
                                 data_key=data_key)
    if claimed:
        stream.writer = claimed
    made = stream.seal(_inner(batch, b"forged"), int(time.time() * 1000))
    return segment.Batch(made.write()).at(batch.base_offset)


def _envelope(batch):
    section = kafka_batch.decompress(batch.attributes & 7, batch.records, 1 << 20)
    return sealed_batch.read_envelope(kafka_batch.read_record(kafka_batch.Cursor(section)).value)


class StolenConsumerKey(Act):
    """Somebody with a recipient's key takes the data key out of a batch, and seals another batch with it.

    claims_writer: the header names the genuine writer, whose key the attacker does not have; else a writer of its own.
    """

    def __init__(self, claims_writer):
        self.claims_writer = claims_writer

    def stopped(self, scene, place):
        def edit(found):
            header = _envelope(found[1]).header
            data_key = sealed_batch.find_data_key(header, [scene.secret("analytics")])
            made = _sealed(scene, place, found[1], os.urandom(32), [scene.public("analytics")], data_key,
                           header.writer if self.claims_writer else None)
            return segment.replace(found, 1, made)
        segment.rewrite(scene.segments(place)[-1], edit)


class TrustedForger(Act):
    """A trusted writer, in league with the brokers, puts a batch of its own where another's was acknowledged.

    same_producer: with its producer id, epoch and sequence.
    """

    def __init__(self, same_producer):
        self.same_producer = same_producer

    def stopped(self, scene, place):
        def edit(found):
            batch = found[1] if self.same_producer else found[1].having(base_sequence=found[1].base_sequence + 1000)
            return segment.replace(found, 1, _sealed(scene, place, batch, scene.secret("gateway-b"),
                                                     [scene.public("analytics")]))
        segment.rewrite(scene.segments(place)[-1], edit)
