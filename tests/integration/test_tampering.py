# SPDX-License-Identifier: Apache-2.0
"""Attacks on sealed topics, on real brokers: a consumer gets what stood before, then an error, and the log says why.

Most attackers here write into a broker's files and leave everything there as Kafka wants it, CRCs included. Those logs
are written through the gateway, a partition for each attack, and all of them are edited while the broker is down once.
"""

import base64
import time
from dataclasses import dataclass, replace
from typing import Optional

import clients
import exchange
import pytest
import segment
from attacks import (ACCEPTED, ALTERED, APPEND, ATTACKS, BATCHES, CIPHERTEXT, CORRUPT_MESSAGE, IN_TRANSACTION,
                     INVALID_RECORD, LEADER_ONLY, LEADER_SECONDS_MAX, NONE, NOT_LEADER, ORDER, OUTCOMES, PLAIN,
                     POLICY, READER, UNTOUCHED, check_read, contents, label, Logs, placed, read, refused,
                     send_from, Transactions)
from clients import CLIENTS, can
from edits import flipping
from envelope import MAGIC, fetch
from exchange import Endpoint
from gateway import Gateway, connect
from kafka import Kafka
from relay import Relay

# The first test waits for the logs of all of them.
pytestmark = pytest.mark.timeout(240)


# Fixtures: one cluster, one gateway that seals and opens, and one broker's stop in which all the files are edited.


@pytest.fixture(scope="module")
def gateway(tmp_path_factory, kafka):
    """Where everybody reads."""
    with Gateway(tmp_path_factory.mktemp("gateway"), kafka, topics=POLICY) as running:
        yield running


@pytest.fixture(scope="module")
def sealed(gateway, kafka):
    return Endpoint(gateway.bootstrap, kafka)


@pytest.fixture(scope="module")
def writing(tmp_path_factory, kafka, gateway, authority):
    """Another gateway of the same writer, which states in the envelope who its client is."""
    server, alice = authority.issue("gateway"), authority.issue("alice", hosts=())
    listener = {
        "clients-known-by": "client-certificate",
        "tls": {"certificate": server.certificate, "key": server.key, "client-ca": authority.ca},
    }
    client = {"security": "ssl", "ca": authority.ca, "certificate": alice.certificate, "key": alice.key}
    with Gateway(tmp_path_factory.mktemp("writing"), kafka, listener=listener, topics=POLICY, keys=gateway.keys,
                 settings={"principal-in-envelope": True}) as running:
        yield Endpoint(running.bootstrap, kafka, client)


@pytest.fixture(scope="module")
def logs(writing, kafka):
    made = Logs(writing)
    made.make()
    made.transactions = Transactions(writing)
    kafka.stop_node()
    made.edit()
    made.transactions.edit()
    kafka.start_node()
    with connect(kafka.address()) as connection:
        for topic, partition in made.partitions():
            led = time.monotonic() + LEADER_SECONDS_MAX
            while fetch(connection, topic, partition).error == NOT_LEADER:
                assert time.monotonic() < led
                time.sleep(0.02)
    return made


@pytest.mark.parametrize("attack", ATTACKS, ids=label)
def test_edited(logs, gateway, sealed, direct, attack):
    topic, partition = logs.place(attack)
    with connect(direct.bootstrap) as connection:
        served = fetch(connection, topic, partition)
        assert served.error == NONE and served.data == b"".join(batch.data for batch in logs.stored[attack])
    kept = placed(record for index in attack.kept for record in attack.kind.batch(partition, index))
    check_read(gateway, sealed, topic, partition, kept, attack.verdict, attack.offset,
               timestamps=attack.kind is not APPEND)


@pytest.mark.parametrize("client", [client for client in CLIENTS if not can(client, "report error 2")])
def test_other_partitions_go_on(logs, sealed, client):
    """Who asks on in silence gets all of the good partition, and of the bad one what stands before."""
    topic, good = logs.place(UNTOUCHED)
    bad = logs.place(CIPHERTEXT)[1]
    job = sealed.job(topic, start={str(good): 0, str(bad): 0}, count=(BATCHES + 1) * PLAIN.records)
    found = clients.consume(client, job).check().in_order()
    whole = [record for index in range(BATCHES) for record in PLAIN.batch(good, index)]
    assert contents(found) == contents(placed(whole) + placed(PLAIN.batch(bad, 0)))


def test_timestamp_type_of_the_topic(gateway, sealed, kafka):
    """An administrator changes it in the topic's settings, against the gateway's policy."""
    topic = sealed.topic("settings")
    send_from([sealed], topic)
    kafka.configure("topic", topic, message_timestamp_type="LogAppendTime")
    exchange.send(sealed, READER, topic, PLAIN.batch(0, 1), one_batch=True)
    check_read(gateway, sealed, topic, 0, placed(PLAIN.batch(0, 0)), "altered", 3)


def test_reader_who_did_not_follow(logs, gateway, sealed):
    """Who begins at a batch that was replayed cannot know; who begins at one that was moved ahead may."""
    topic, partition = logs.place(next(attack for attack in ORDER if attack.label == "replayed at the end"))
    result = clients.consume(READER, sealed.job(topic, start={str(partition): 12}, count=3)).check()
    assert [record.value for record in result.records] == [r.value for r in PLAIN.batch(partition, 1)]
    topic, partition = logs.place(next(attack for attack in ORDER if attack.label == "exchanged"))
    result = clients.consume(READER, sealed.job(topic, start={str(partition): 3}, count=3))
    assert result.codes == {CORRUPT_MESSAGE} and not result.records


def test_changed_between_readings(gateway, sealed, kafka):
    """A reader that comes back meets another authentic batch where it read one before."""
    topic = sealed.topic("changed")
    send_from([sealed] * BATCHES, topic, **LEADER_ONLY.job)
    with connect(gateway.bootstrap) as connection:
        assert fetch(connection, topic).offsets == list(range(12))
        segment.rewrite(kafka.segments(topic)[-1], lambda found: segment.exchange(found, 1, 2))
        again = fetch(connection, topic)
        assert (again.error, again.offsets) == (NONE, [0, 1, 2])
        assert fetch(connection, topic, 0, 3).error == CORRUPT_MESSAGE
    assert refused(gateway, topic) == [("removed", 3)]


COMMITTED = {"isolation": "read_committed"}


def check_outcome(gateway, made, partition, result, kept, at):
    assert contents(result.records) == contents(made.expected(partition, kept))
    assert result.codes == (set() if at is None else {CORRUPT_MESSAGE}), result.errors
    assert refused(gateway, made.topic, partition)[-1:] == ([] if at is None else [("outcome forged", at)])


@pytest.mark.parametrize("outcome", OUTCOMES, ids=label)
def test_outcome(logs, gateway, sealed, direct, outcome):
    """Readers of committed data rely on the broker's list of what was aborted; markers are held against it."""
    made, partition = logs.transactions, OUTCOMES.index(outcome)
    with connect(direct.bootstrap) as connection:
        served = fetch(connection, made.topic, partition, committed=True)
    assert served.aborted == tuple((entry.producer_id, entry.first) for entry in made.listed[partition])
    if outcome.stock:
        stock = read(direct, made.topic, partition, len(outcome.stock) * IN_TRANSACTION, **COMMITTED).check()
        assert [r.offset for r in stock.records] == [r.offset for r in made.expected(partition, outcome.stock)]
    count = len(outcome.kept) * IN_TRANSACTION + (outcome.at is not None)
    result = read(sealed, made.topic, partition, count, **COMMITTED)
    check_outcome(gateway, made, partition, result, outcome.kept, outcome.at)


@pytest.mark.parametrize("name, kept, at", [
    ("entry removed", (0, 1), 7), ("commit marker made an abort marker", (0,), 3),
])
def test_outcome_in_parts(logs, gateway, sealed, name, kept, at):
    """What was delivered in earlier responses than the marker's stays delivered; the marker itself is refused."""
    made, partition = logs.transactions, [outcome.label for outcome in OUTCOMES].index(name)
    result = read(sealed, made.topic, partition, 3 * IN_TRANSACTION, partition_max_bytes=1, **COMMITTED)
    check_outcome(gateway, made, partition, result, kept, at)


def test_outcome_of_uncommitted_reads(logs, gateway, sealed):
    """Who reads everything is not given the list, and cannot be misled by it."""
    made, partition = logs.transactions, len(OUTCOMES) - 1
    result = read(sealed, made.topic, partition, 3 * IN_TRANSACTION)
    check_outcome(gateway, made, partition, result, (0, 1, 2), None)


# Every client.


@pytest.fixture(scope="module")
def plainly_refusing(tmp_path_factory, kafka, gateway):
    """A gateway whose refusals no client retries."""
    with Gateway(tmp_path_factory.mktemp("refusing"), kafka, topics=POLICY, keys=gateway.keys,
                 settings={"fetch-refusal-error": "invalid-record"}) as running:
        yield Endpoint(running.bootstrap, kafka)


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("code", [CORRUPT_MESSAGE, INVALID_RECORD])
def test_every_client_stops(logs, sealed, plainly_refusing, client, code):
    topic, partition = logs.place(ALTERED)
    endpoint = sealed if code == CORRUPT_MESSAGE else plainly_refusing
    patient = {"report_retriable": True} if code == CORRUPT_MESSAGE and not can(client, "report error 2") else {}
    result = read(endpoint, topic, partition, BATCHES * PLAIN.records, client, **patient)
    assert contents(result.records) == contents(placed(ALTERED.kind.batch(partition, 0)))
    assert result.codes == {code}, result.errors


# Accepted exceptions.


def trust(gateway, **keys):
    """Adds rows to lists of the trust file, and has it read anew."""
    for key, rows in keys.items():
        gateway.trust.setdefault(key.replace("_", "-"), []).extend(rows)
    gateway.write()
    gateway.reload()
    assert not gateway.events("reload-refused")


def wait_until(condition, seconds=20):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.mark.parametrize("case", ACCEPTED, ids=label)
def test_accepted(logs, gateway, sealed, kafka, consumers, case):
    """What somebody has looked into and accepted stops nobody any more: neither who is waiting there nor who comes."""
    topic, partition = logs.place(case.attack)
    expected = case.records(partition)
    place = {"start": {str(partition): 0}, "count": len(expected)}
    # This client asks again and again, in silence.
    waiting = clients.start("franz", "consume", sealed.job(topic, **place)) if "franz" in consumers else None
    wait_until(lambda: waiting is None or refused(gateway, topic, partition))
    trust(gateway, exceptions=[{
        "topic": topic, "topic-id": kafka.topic_id(topic), "partition": partition, "first-offset": case.first,
        "last-offset": case.last, "reason": case.label,
    }])
    results = clients.together(*[lambda c=c: clients.consume(c, sealed.job(topic, **place)) for c in consumers])
    for result in [*results, *([waiting.result()] if waiting else [])]:
        assert contents(result.check().records) == contents(expected), result.client
    found = gateway.events("batch-accepted", topic=topic, partition=partition)
    assert case.attack.verdict in {event["verdict"] for event in found}
    assert {event["accepted"] for event in found} == {case.label}


# Writers.


@dataclass(frozen=True, eq=False)
class Stranger:
    """Another writer than the reader's own, and what becomes of the second and third batch of four, which are its.

    trusted: what the trust file says of it, or None; `last_good` is where it was revoked.
    """

    label: str
    verdict: Optional[str]
    trusted: Optional[dict] = None
    last_good: Optional[tuple] = None
    recipients: tuple = ("analytics",)
    kept: int = 1

    @property
    def name(self):
        return self.label.replace(" ", "-")


REVOKED = {"topics": ["*"], "revoked": {"reason": "stolen"}}
UNTRUSTED = "writer not trusted"

STRANGERS = [
    Stranger("unknown", "unknown writer"),
    Stranger("trusted", None, {"topics": ["writers-*"]}, kept=4),
    Stranger("of other topics", UNTRUSTED, {"topics": ["orders", "payments-*"]}),
    Stranger("revoked", UNTRUSTED, REVOKED),
    Stranger("revoked after its first batch", UNTRUSTED, REVOKED, (0, 5), kept=2),
    Stranger("revoked amid its first batch", UNTRUSTED, REVOKED, (0, 4)),
    Stranger("revoked elsewhere", UNTRUSTED, REVOKED, (1, 5)),
    Stranger("no longer valid", UNTRUSTED, {"topics": ["*"], "not-after": "2020-01-01T00:00:00Z"}),
    Stranger("not valid yet", UNTRUSTED, {"topics": ["*"], "not-before": "2100-01-01T00:00:00Z"}),
    Stranger("for other recipients", "key unavailable", {"topics": ["*"]}, recipients=("others",)),
]


@pytest.fixture(scope="module")
def strangers(tmp_path_factory, kafka, gateway, sealed):
    """The topic in which all of them have written, each into a partition of its own."""
    topic = sealed.topic("writers", len(STRANGERS))
    everywhere = range(len(STRANGERS))

    def send(endpoint, partitions, index):
        records = [record for partition in partitions for record in PLAIN.batch(partition, index)]
        exchange.send(endpoint, READER, topic, records, batch_records=len(records))

    send(sealed, everywhere, 0)
    with Gateway(tmp_path_factory.mktemp("strangers"), kafka, keys=gateway.keys, writer=STRANGERS[0].name) as theirs:
        for partition, stranger in enumerate(STRANGERS):
            theirs.writer, theirs.recipients = stranger.name, stranger.recipients
            theirs.trusted = {stranger.name: ["*"]}
            theirs.write()
            theirs.reload()
            for index in (1, 2):
                send(Endpoint(theirs.bootstrap, kafka), [partition], index)
    send(sealed, everywhere, 3)
    for partition, stranger in enumerate(STRANGERS):
        if stranger.trusted:
            gateway.trusted[stranger.name] = trusted_as(stranger, topic, kafka.topic_id(topic), partition)
    trust(gateway)
    return topic


def trusted_as(stranger, topic, topic_id, partition):
    if not stranger.last_good:
        return stranger.trusted
    elsewhere, offset = stranger.last_good
    row = {"topic": topic, "topic-id": topic_id, "partition": partition + elsewhere, "offset": offset}
    return {**stranger.trusted, "revoked": {"reason": "stolen", "last-good": [row]}}


@pytest.mark.parametrize("stranger", STRANGERS, ids=label)
def test_writer(strangers, gateway, sealed, stranger):
    partition = STRANGERS.index(stranger)
    expected = placed(record for index in range(stranger.kept) for record in PLAIN.batch(partition, index))
    check_read(gateway, sealed, strangers, partition, expected, stranger.verdict, len(expected))


# Other clusters.


@pytest.fixture(scope="module")
def other_kafka(tmp_path_factory, version):
    with Kafka(tmp_path_factory.mktemp("other-kafka"), version=version) as cluster:
        yield cluster


@pytest.fixture(scope="module")
def other_gateway(tmp_path_factory, other_kafka, gateway):
    """A gateway of the same writer and reader in front of another cluster."""
    with Gateway(tmp_path_factory.mktemp("other-gateway"), other_kafka, keys=gateway.keys) as running:
        yield running


def test_copied_to_another_cluster(gateway, sealed, kafka, other_gateway, other_kafka):
    """Batches of one cluster's topic in place of those of a topic of that name in another."""
    topic = sealed.topic("copied")
    other_kafka.topic(topic)
    other = Endpoint(other_gateway.bootstrap, other_kafka)
    for endpoint in (sealed, other):
        send_from([endpoint], topic)
    copied = segment.read(kafka.segments(topic)[-1])
    path = other_kafka.segments(topic)[-1]
    assert [len(batch) for batch in segment.read(path)] == [len(batch) for batch in copied]
    segment.write(path, copied)
    check_read(other_gateway, other, topic, 0, [], "wrong place", 0)


class Impostor(Relay):
    """Stands before a broker, and says something else where that says `what`; but passes envelopes on as they are."""

    def __init__(self, kafka, what, instead):
        super().__init__(kafka.port())
        self.what, self.instead = what, instead

    def edits(self):
        return (lambda data: data), (lambda data: data if MAGIC in data else data.replace(self.what, self.instead))

    def gateway(self, directory, kafka, keys):
        cluster = {"bootstrap-servers": [self.address], "nodes": [{"id": 1, "address": self.address}]}
        return Gateway(directory, kafka, keys=keys, settings={"cluster": cluster})


def test_brokers_of_another_cluster(tmp_path, kafka, gateway, other_gateway, other_kafka):
    """Brokers lie about their cluster: all else of a batch's place is right, and only the trust file knows better."""
    topic = other_kafka.topic(exchange.group("impostor"))
    send_from([Endpoint(other_gateway.bootstrap, other_kafka)], topic)
    with Impostor(other_kafka, other_kafka.cluster_id.encode(), kafka.cluster_id.encode()) as relay:
        with relay.gateway(tmp_path, kafka, gateway.keys) as misled:
            check_read(misled, Endpoint(misled.bootstrap, kafka), topic, 0, [], "wrong place", 0)


def test_brokers_that_swap_topics(tmp_path, kafka, gateway, sealed):
    """Brokers give one topic's id for that of another."""
    topics = [sealed.topic(name) for name in ("swapped", "for-this")]
    for topic in topics:
        send_from([sealed], topic)
    ids = [base64.urlsafe_b64decode(kafka.topic_id(topic) + "==") for topic in topics]
    with Impostor(kafka, *ids) as relay, relay.gateway(tmp_path, kafka, gateway.keys) as misled:
        check_read(misled, Endpoint(misled.bootstrap, kafka), topics[0], 0, [], "wrong place", 0)


class Lender(Impostor):
    """Gives out another topic's id for one topic's, and takes it back: what is read by it is that topic's own log."""

    def edits(self):
        return ((lambda data: data if MAGIC in data else data.replace(self.instead, self.what)),
                (lambda data: data.replace(self.what, self.instead)))


@pytest.mark.parametrize("rows, verdict", [
    ("cut-overs", "unsealed"), ("exceptions", "unsealed"), ("last-good", "writer not trusted"),
])
def test_brokers_that_lend_an_id(tmp_path, kafka, gateway, sealed, direct, rows, verdict):
    """What the trust file says of one topic is not had for another by giving out its id for that one's."""
    topic, other = topics = [sealed.topic(name) for name in ("lent-to", "lent-from")]
    ids = [base64.urlsafe_b64decode(kafka.topic_id(name) + "==") for name in topics]
    row = {"topic": other, "topic-id": kafka.topic_id(other), "partition": 0}
    with Lender(kafka, *ids) as relay, relay.gateway(tmp_path, kafka, gateway.keys) as misled:
        ours = Endpoint(misled.bootstrap, kafka)
        if rows == "last-good":
            send_from([ours], topic)  # sealed for that id and this name, as whoever stole the writer's key can
            misled.trusted[misled.writer] = {**REVOKED, "revoked": {"reason": "stolen", rows: [{**row, "offset": 9}]}}
            trust(misled)
        else:
            send_from([direct], topic)
            what = {"offset": 9} if rows == "cut-overs" else {"first-offset": 0, "last-offset": 2, "reason": "lost"}
            trust(misled, **{rows: [{**row, **what}]})
        check_read(misled, ours, topic, 0, [], verdict, 0)


# Clear data.


def test_injected(gateway, sealed, direct):
    """Another producer, who knows where the brokers are."""
    topic = sealed.topic("injected")
    send_from((sealed, direct, sealed), topic)
    check_read(gateway, sealed, topic, 0, placed(PLAIN.batch(0, 0)), "unsealed", 3)


@pytest.mark.parametrize("cut_over, kept", [(0, 0), (2, 0), (3, 2), (8, 2), (9, 3)])
def test_cut_over(gateway, sealed, direct, kafka, cut_over, kept):
    """Clear data is delivered where all of its batch stands before the cut-over, and sealed data on both sides."""
    topic = sealed.topic("cut-over")
    send_from((direct, sealed, direct), topic)
    trust(gateway, cut_overs=[{"topic": topic, "topic-id": kafka.topic_id(topic), "partition": 0, "offset": cut_over}])
    expected = placed(record for index in range(kept) for record in PLAIN.batch(0, index))
    check_read(gateway, sealed, topic, 0, expected, None if kept == 3 else "unsealed", len(expected))


def test_not_opened(gateway, sealed, direct):
    """Where policy does not open, readers get what is stored, byte for byte."""
    topic = sealed.topic("shut")
    send_from((direct, sealed, direct), topic)
    with connect(gateway.bootstrap) as ours, connect(direct.bootstrap) as theirs:
        stored = fetch(theirs, topic)
        assert stored.data.count(MAGIC) == 1 and fetch(ours, topic) == stored
    result = read(sealed, topic, 0, 9).check()
    assert [MAGIC in (record.value or b"") for record in result.records] == [False] * 3 + [True] + [False] * 5
    assert not gateway.refusals(topic)


def test_not_sealed(gateway, sealed, direct):
    """Where policy does not seal, nothing is sealed, and nothing that was written into the files is noticed."""
    topic = sealed.topic("clear")
    send_from([sealed], topic)
    path = sealed.kafka.segments(topic)[-1]
    segment.rewrite(path, lambda found: [found[0].replacing(b"record 1", b"forgery!")])
    result = read(sealed, topic, 0, PLAIN.records).check()
    assert [record.value for record in result.records] == [b"record 0 of 0", b"forgery! of 0", b"record 2 of 0"]
    assert not gateway.refusals(topic)


# Share groups.

SHARE_TOOL = "org.apache.kafka.tools.consumer.group.ShareGroupCommand"


@pytest.mark.parametrize("client", [client for client in CLIENTS if can(client, "share groups")])
def test_share_group(gateway, sealed, direct, kafka, client):
    """Good records are delivered, also those behind the bad batch; its own are neither delivered nor acknowledged."""
    topic, group = sealed.topic("shared"), exchange.group("shared")
    kafka.configure("group", group, share_auto_offset_reset="earliest")
    records = [record for index in range(BATCHES) for record in PLAIN.batch(0, index)]
    exchange.send(sealed, READER, topic, records, batch_records=PLAIN.records)
    segment.rewrite(kafka.segments(topic)[-1], lambda found: flipping("ciphertext")(found, {}))
    good, bad = records[:3] + records[6:], range(3, 6)

    def share(endpoint, **fields):
        return clients.consume(client, endpoint.job(topic, group=group, share=True, **fields))

    result = share(sealed, count=len(good)).check()
    assert sorted(contents(result.records)) == contents([replace(r, offset=records.index(r)) for r in good])
    assert refused(gateway, topic) == [("altered", 3)]
    result = share(sealed, count=1, timeout_ms=3000)
    assert not result.records and not result.ok
    described = kafka.admin(SHARE_TOOL, "--describe", "--group", group).split()
    assert described[-4:] == [topic, "0", "3", "3"], "the group's start offset and its lag"
    # They are still there for a member that does not look.
    result = share(direct, count=len(bad)).check()
    assert sorted(record.offset for record in result.records) == list(bad)
