# SPDX-License-Identifier: Apache-2.0
"""The attacks: who does what to a log, and what is expected of everybody who looks at it afterwards.

Every log has four batches of three records, acknowledged by all, unless its kind says otherwise; most attacks are on the
second batch, at offsets 3 to 5.
"""

import re
from dataclasses import dataclass

import segment
from accounts import (Accounts, adding_file, arranging_records, cut_before, flipping_a_time, forking, lying_about,
                      lying_about_deletion, lying_by_omission, renaming_entries, without_file, without_last_bytes,
                      without_records_about)
from acts import (Act, ByStranger, Edit, Files, Interruption, Live, Outcomes, PutBack, RolledBack, StolenConsumerKey, TrustedForger,
                  deleting_records, injecting, keeping, start_moved, with_segments, without_segments)
from attacks import APPEND, CONNECTIONS, GZIP, LEADER_CONNECTIONS, LEADER_ONLY, MINUTE_MS, OUTCOMES, PLAIN, ZSTD, Kind
from edits import (adding, arranging, attributes, bringing, changing, emptied, flipping, flipping_within, forged, forging,
                   having, moving, stubs, with_fewer_records)
from envelope import with_a_keyed_stub, with_a_record_for_a_stub, with_another_stub, without_last_stub
from observe import NOTHING, ranged

# Attackers, as spec/threat-model.md names them.
ADMINISTRATOR = "broker administrator"
DISK = "writer to a disk"
PRODUCER = "another producer"
CONSUMER = "a consumer that holds keys"
THIEF = "thief of a writer's key"
FORGER = "forger of transaction outcomes"
STRANGER = "another producer, with a gateway of its own"
KEEPER = "keeper of the ledger's files"
BOTH = "broker administrator who has the ledger's files too"
LIAR = "a trusted writer that lies"
IN_LEAGUE = "a trusted writer in league with the brokers"

CRC_AT = 17
DAY_MS = 86_400_000
SEGMENTS = Kind("segments", apart_ms=30 * DAY_MS)  # A segment for each batch: Kafka begins another after seven days.
TRANSACTIONS = Kind("transactions")  # Three of three records each, of which the second is aborted.


WHOLE = "delivered 0\u201311"


@dataclass(frozen=True, eq=False)
class Attack:
    """What is done, and what each column of the table is to say."""

    name: str
    attacker: str
    act: Act
    live: str = WHOLE
    verify: str = NOTHING
    ledger: str = NOTHING
    kind: Kind = PLAIN
    writer: str = "a"
    why: str = ""  # where nobody says anything

    @property
    def topic(self):
        name = re.sub("[^a-z0-9]+", "-", self.name.lower())
        return "append-" + name if self.kind is APPEND else name


@dataclass(frozen=True)
class Column:
    """title: as the table has it. field: of an Attack."""

    title: str
    field: str


COLUMNS = (
    Column("a reader behind a gateway", "live"),
    Column("`signet verify`", "verify"),
    Column("`--ledger` adds", "ledger"),
)


def on_log(name, edit, live=WHOLE, verify=NOTHING, ledger=NOTHING, kind=PLAIN, attacker=ADMINISTRATOR, needs=None, why=""):
    """Batches of the log become others."""
    return Attack(name, attacker, Edit(edit, needs), live, verify, ledger, kind, why=why)


def on_batch(name, edit, word="altered", ledger="altered", kind=PLAIN, attacker=ADMINISTRATOR, needs=None):
    """The second batch becomes one that everybody refuses; where its seal is another, the ledger says so too."""
    first, last = kind.records, 2 * kind.records - 1
    return on_log(name, edit, "%s %d" % (word, first), ranged(word, first, last),
                  ledger and ranged(ledger, first, last) or NOTHING, kind, attacker, needs)


def around_seal(name, edit, kind=PLAIN):
    """What is sealed, and so the seal id, stays as it was: for the ledger it is the batch that was acknowledged."""
    return on_batch(name, edit, ledger=None, kind=kind)


def on_files(name, change, live, verify, ledger, attacker=DISK, why=""):
    """A log of four segments."""
    return Attack(name, attacker, Files(change), live, verify, ledger, SEGMENTS, why=why)


BYTES = [
    Attack("nothing at all", "nobody", Act(), why="there is nothing to say"),
    on_batch("a byte of the ciphertext; the CRC tells", flipping("ciphertext", repair=False), attacker=DISK),
    on_batch("the CRC alone", changing(1, lambda batch: batch.flipped(CRC_AT, repair=False)), attacker=DISK),
    on_batch("a byte of the ciphertext", flipping("ciphertext")),
    on_batch("the tag", flipping("tag")),
    around_seal("the signature", flipping("signature")),
    on_batch("the writer", flipping("writer"), "unknown writer"),
    on_batch("the topic id in the envelope", flipping("topic id")),
    on_batch("the partition in the envelope", flipping("partition")),
    on_batch("the topic's name in the envelope", flipping("topic name")),
    on_batch("the seal time", flipping("seal time")),
    on_batch("the sequence number in the stream", flipping("sequence", 2)),
    on_batch("the link to the seal before", flipping("previous link")),
    on_batch("an acknowledged predecessor", flipping("predecessor offset")),
    on_batch("a wrapped data key", flipping("wrapped key")),
    on_batch("the envelope's version", flipping("version", 2), "unsupported"),
    on_batch("the envelope's magic", flipping("magic"), "unsealed"),
    on_batch("the size of the envelope's header", flipping("header size"), "malformed"),
    around_seal("a stub given a key", stubs(with_a_keyed_stub)),
    around_seal("a stub removed", stubs(without_last_stub)),
    around_seal("a stub added", stubs(with_another_stub)),
    around_seal("a stub made a record", stubs(with_a_record_for_a_stub)),
    on_log("a record less, and every count says so", changing(1, with_fewer_records), "altered 3",
           "altered 3\u20134; wrong offset 6\u20138", "moved 3\u20135"),
    around_seal("a stub under zstd", stubs(with_a_keyed_stub), kind=ZSTD),
    on_batch("the ciphertext under gzip", flipping_within("ciphertext"), kind=GZIP),
    on_log("compressed anew, as brokers may", stubs(lambda same: same), "delivered 0\u2013159", kind=ZSTD,
           why="brokers recompress where a topic's `compression.type` says so; what is inside is the same"),
]

HEADERS = [
    around_seal("the number of records, raised", adding("record_count", 1)),
    on_batch("the number of records, made zero", having(record_count=0), "malformed"),
    on_batch("emptied, as the log cleaner does", changing(1, emptied), "malformed"),
    around_seal("the base timestamp", adding("base_timestamp", 1)),
    around_seal("the largest timestamp", adding("max_timestamp", 1)),
    around_seal("the timestamp type", attributes(segment.APPEND_TIME)),
    around_seal("the time of appending, by eleven minutes", adding("max_timestamp", 11 * MINUTE_MS), kind=APPEND),
    on_log("the time of appending, by nine minutes", adding("max_timestamp", 9 * MINUTE_MS), kind=APPEND,
           why="the time of appending is the broker's word, held only against the seal time within ten minutes"),
    around_seal("the producer id", adding("producer_id", 1)),
    around_seal("the producer epoch", adding("producer_epoch", 1)),
    around_seal("the producer's sequence", adding("base_sequence", 1)),
    around_seal("the transactional bit", attributes(segment.TRANSACTIONAL)),
    on_batch("made a control batch", attributes(segment.CONTROL | segment.TRANSACTIONAL), "malformed"),
    on_batch("a codec that was not used", attributes(1), "malformed"),
    on_log("all leader epochs", lambda found, others: [batch.having(leader_epoch=7) for batch in found],
           why="the leader epoch is the brokers' own, and says nothing about the messages"),
]

MOVED_ON = "moved 6\u201311"

ORDER = [
    on_log("removed at the head", lambda found, others: found[1:], "wrong offset 3", "wrong offset 3\u20135", "missing 0\u20132"),
    on_log("removed at the head, the hole closed", arranging(segment.remove, 0), "removed 0", "removed 0\u20138",
           "altered 0\u20132; moved 3\u201311"),
    on_log("removed in the middle", arranging(segment.remove, 1, close=False), "wrong offset 6", "wrong offset 6\u20138",
           "missing 3\u20135"),
    on_log("removed in the middle, the hole closed", arranging(segment.remove, 1), "removed 3", "removed 3\u20138",
           "altered 3\u20135; " + MOVED_ON),
    on_log("removed in the middle, the hole closed, acks=1", arranging(segment.remove, 1), "delivered 0\u20138", NOTHING,
           "missing 3\u20135; not covered 3\u20138; " + MOVED_ON, LEADER_ONLY),
    on_log("removed at the end", lambda found, others: found[:2], "delivered 0\u20135", NOTHING, "truncated 6\u201311"),
    on_log("all of them removed", lambda found, others: [], "delivered nothing", NOTHING, "truncated 0\u201311"),
    on_log("two exchanged", arranging(segment.exchange, 1, 2), "removed 3", "removed 3\u20135; removed 9\u201311",
           "moved 3\u20135; moved 6\u20138; not covered 6\u20138"),
    on_log("two exchanged, of two connections, acks=1", arranging(segment.exchange, 1, 2), WHOLE, NOTHING,
           "moved 3\u20135; not covered 3\u20138; moved 6\u20138", LEADER_CONNECTIONS),
    on_log("one offset raised", moving(1, 4), "wrong offset 4", "wrong offset 4\u20136", "moved 3\u20135"),
    on_log("one offset lowered", moving(2, 5), "wrong offset 5", "wrong offset 5\u20137", "moved 6\u20138"),
    on_log("all offsets raised by one", arranging(segment.renumber, 1), "wrong offset 1",
           "wrong offset 1\u20133; removed 10\u201312", "moved 0\u201311; not covered 4\u20139"),
    on_log("replayed at the end", arranging(segment.duplicate, 1), "replayed 12", "replayed 12\u201314"),
    on_log("replayed in the middle", arranging(segment.duplicate, 1, 2), "replayed 6", "replayed 6\u20138",
           MOVED_ON + "; not covered 9\u201314"),
    on_log("replayed in place of another", lambda found, others: segment.replace(found, 1, found[0]), "replayed 3",
           "replayed 3\u20135", "altered 3\u20135"),
    on_log("replayed at the end, from another connection", arranging(segment.duplicate, 1), "replayed 12",
           "replayed 12\u201314", kind=CONNECTIONS),
    on_log("replayed at the end, acks=1", arranging(segment.duplicate, 1), "replayed 12", "replayed 12\u201314",
           kind=LEADER_ONLY),
]

FILES = [
    on_files("the first segment deleted", without_segments(0, 1), "delivered 3\u201311", NOTHING, "missing 0\u20132"),
    on_files("a segment in the middle deleted", without_segments(1, 2), "wrong offset 6", "wrong offset 6\u20138",
             "missing 3\u20135"),
    on_files("the last segments deleted", without_segments(2), "delivered 0\u20135", NOTHING, "truncated 6\u201311"),
    on_files("a segment repeated at the end", with_segments(lambda s: [*s, s[1]]), "replayed 12", "replayed 12\u201314",
             NOTHING),
    on_files("two segments exchanged", with_segments(lambda s: [s[0], s[2], s[1], s[3]]), "removed 3",
             "removed 3\u20135; removed 9\u201311", "moved 3\u20135; moved 6\u20138; not covered 6\u20138"),
    Attack("the start of the log, in the broker's own note of it", DISK, Files(start_moved(6)), "delivered 6\u201311",
           why="the batches are still in their file, and files are what `signet verify` reads"),
    Attack("the folder put back to a snapshot", DISK, PutBack(), WHOLE, NOTHING, "truncated 12\u201314"),
]

ASKED = [
    Attack("DeleteRecords straight at the broker", ADMINISTRATOR, Live(deleting_records(6), gone=2), "delivered 6\u201311",
           NOTHING, "missing 0\u20135", SEGMENTS),
    Attack("DeleteRecords straight at the broker, within a segment", ADMINISTRATOR, Live(deleting_records(6)),
           "delivered 6\u201311", why="the batches are still in their file, and files are what `signet verify` reads"),
    Attack("the topic's retention made a millisecond", ADMINISTRATOR, Live(keeping(retention_ms=1), gone=4), "delivered nothing",
           NOTHING, "missing 0\u201311", SEGMENTS),
    Attack("records in clear, sent straight to the broker", PRODUCER, Live(injecting), "unsealed 12", "unsealed 12"),
]

MOVED = [
    on_batch("from another partition", bringing("partition"), "wrong place", needs="partition"),
    on_batch("from another topic", bringing("topic"), "wrong place"),
    on_batch("from a deleted topic of this name", bringing("deleted"), "wrong place", needs="deleted"),
    on_batch("from another cluster", bringing("cluster"), "wrong place", needs="cluster"),
]

FORGED = [
    on_batch("in clear, in place of one", forging(1), "unsealed"),
    on_log("in clear, at the end", lambda found, others: segment.append(found, forged()), "unsealed 12",
           "unsealed 12\u201314"),
    Attack("sealed with a consumer's stolen key, under a writer key of its own", CONSUMER, StolenConsumerKey(False),
           "unknown writer 3", "unknown writer 3\u20135", "altered 3\u20135"),
    Attack("sealed with a consumer's stolen key, in the writer's name", CONSUMER, StolenConsumerKey(True),
           "altered 3", "altered 3\u20135", "altered 3\u20135"),
    Attack("in place of another writer's batch, with its producer id, epoch and sequence", IN_LEAGUE, TrustedForger(True),
           why="a retry that was sealed anew looks the same; it takes a trusted writer, and its signature names it"),
    Attack("in place of another writer's batch, as from another producer", IN_LEAGUE, TrustedForger(False),
           "removed 6", "removed 6\u20138", "missing 3\u20135; not covered 3\u20135"),
]


def on_outcome(name, label, live, verify=NOTHING, why=""):
    outcome = next(outcome for outcome in OUTCOMES if outcome.label == label)
    return Attack(name, FORGER, Outcomes(outcome), live, verify, kind=TRANSACTIONS, why=why)


OUTCOME = [
    on_outcome("`.txnindex`: the aborted transaction removed", "entry removed", "outcome forged 4", "outcome forged 4\u20137"),
    on_outcome("`.txnindex`: another producer's", "entry of another producer", "outcome forged 4", "outcome forged 4\u20137"),
    on_outcome("`.txnindex`: it begins too late", "entry begins too late", "outcome forged 4", "outcome forged 7"),
    on_outcome("`.txnindex`: a committed transaction added", "entry of the last transaction added", "outcome forged 8", "outcome forged 8\u201311"),
    on_outcome("an abort marker made a commit marker", "abort marker made a commit marker", "outcome forged 4", "outcome forged 4\u20137"),
    on_outcome("a commit marker made an abort marker", "commit marker made an abort marker", "outcome forged 0", "outcome forged 0\u20133"),
    on_outcome("an abort marker made a commit marker, and `.txnindex` to match", "entry and marker, which agree",
               "delivered 0\u20132; delivered 4\u20136; delivered 8\u201310",
               why="no seal covers markers, and nothing on the broker contradicts this one"),
]

CONTINUED = [
    Attack("cut at the end; the same gateway writes on", ADMINISTRATOR, Interruption(lambda found, others: found[:2]),
           "removed 6", "removed 6\u20138", "rolled back 6\u20138; truncated 9\u201311"),
    Attack("cut at the end; another gateway writes on", ADMINISTRATOR, Interruption(lambda found, others: found[:2], "b"),
           "delivered 0\u20138", NOTHING, "rolled back 6\u20138; truncated 9\u201311"),
]

OTHERS = {"topics": ["orders", "payments-*"]}
ENDED = {"topics": ["*"], "not-after": "2020-01-01T00:00:00Z"}

KEYS = [
    Attack("sealed by a writer that the trust file does not name", STRANGER, ByStranger("nobody"), "unknown writer 12",
           "unknown writer 12\u201314"),
    Attack("sealed by a writer of other topics", STRANGER, ByStranger("of-orders", OTHERS), "writer not trusted 12",
           "writer not trusted 12\u201314"),
    Attack("sealed by a writer whose time is over", STRANGER, ByStranger("former", ENDED), "writer not trusted 12",
           "writer not trusted 12\u201314"),
    Attack("sealed for other recipients than the readers", STRANGER, ByStranger("gateway-b", recipients=("others",)),
           "key unavailable 12", NOTHING, "not covered 12\u201314"),
    Attack("sealed with a stolen writer's key", THIEF, ByStranger("gateway-a"), "delivered 0\u201314", NOTHING,
           "not covered 12\u201314"),
    Attack("sealed with a stolen writer's key, which was revoked", THIEF, ByStranger("stolen", {"topics": ["*"]}, honest=1),
           "writer not trusted 15", "writer not trusted 15\u201317", "not covered 12\u201314"),
]

ROLLED_BACK = [
    Attack("the whole data directory put back", ADMINISTRATOR, RolledBack(), WHOLE, NOTHING,
           "truncated 12\u201314"),
    Attack("the whole data directory put back; the gateway starts again and writes on", ADMINISTRATOR, RolledBack(writes_on="a"),
           "delivered 0\u201314",
           why="brokers give out the same producer ids again, so that the new batch has the id, epoch and sequence of the one "
               "that is gone, and passes for a retry of it"),
    Attack("the whole data directory put back, and the ledger of a gateway at work", BOTH, RolledBack(with_ledgers=True), WHOLE,
           NOTHING, "stale ledger"),
    Attack("the whole data directory put back, and the ledger of a gateway that had ended in order", BOTH,
           RolledBack("c", with_ledgers=True), writer="c",
           why="all that is left was true at the time of the snapshot: only who saw more can tell, such as a witness"),
]

LEDGERS = [
    Attack("the ledger's last record removed", KEEPER, Accounts(arranging_records(lambda records: records[:-1])), ledger="stale ledger"),
    Attack("the ledger's last record cut short", KEEPER, Accounts(without_last_bytes(7)), ledger="stale ledger"),
    Attack("the ledger's first record removed", KEEPER, Accounts(arranging_records(lambda records: records[1:])), ledger="ledger head gone"),
    Attack("the ledger's records about this log removed", KEEPER, Accounts(without_records_about),
           ledger="ledger gap; not covered 0\u201311"),
    Attack("the ledger removed", KEEPER, Accounts(without_file), ledger="could not tell; not covered 0\u201311"),
    Attack("the ledger's records in another order", KEEPER, Accounts(arranging_records(lambda records: records[::-1])),
           why="records have numbers: their order in the file means nothing"),
    Attack("the ledger's records repeated", KEEPER, Accounts(arranging_records(lambda records: records * 2)),
           why="a copy is the same record"),
    Attack("a byte of the ledger's first record", KEEPER, Accounts(flipping_a_time(repair=False)),
           ledger="could not tell; not covered 0\u201311"),
    Attack("a byte of the ledger's first record, the CRC repaired", KEEPER, Accounts(flipping_a_time(repair=True)),
           ledger="altered record; ledger head gone"),
    Attack("the ledger's entries made those of another topic, CRCs repaired", KEEPER, Accounts(renaming_entries),
           ledger="altered record; ledger gap; not covered 0\u201311"),
    Attack("a ledger of a writer that the trust file does not name beside it", KEEPER, Accounts(adding_file(lambda scene: scene.ledger_of_nobody)),
           ledger="unknown writer"),
    Attack("a ledger of another cluster beside it", KEEPER, Accounts(adding_file(lambda scene: scene.ledger_elsewhere)), ledger="foreign ledger"),
    Attack("cut at the end, and the ledger at the entry of what is gone", BOTH, Accounts(cut_before(12), data=PutBack()),
           ledger="stale ledger"),
]

LIES = [
    Attack("its ledger leaves out a batch that it sealed", LIAR, Accounts(lying_by_omission(3), "b"),
           ledger="not covered 3\u20135", writer="b"),
    Attack("its ledger enters a batch that was never sent", LIAR, Accounts(lying_about(12), "b"), ledger="truncated 12\u201314"),
    Attack("its ledger enters another batch where the honest one's is", LIAR, Accounts(lying_about(3), "b"),
           ledger="rolled back 3\u20135"),
    Attack("it keeps two accounts", LIAR, Accounts(forking, "b"), ledger="forked ledger; not covered 0\u201311", writer="b"),
    Attack("its ledger says that a client deleted what the brokers deleted by themselves", LIAR,
           Accounts(lying_about_deletion(6), "b", Live(deleting_records(6), gone=2)), "delivered 6\u201311", kind=SEGMENTS,
           why="a gateway is believed what it says its clients did, also in logs that others write, if it may write that topic"),
]

SECTIONS = (
    ("Bytes of a batch changed", BYTES),
    ("A batch's header changed", HEADERS),
    ("Batches removed, reordered, replayed", ORDER),
    ("Segments and files", FILES),
    ("Asked of the broker", ASKED),
    ("A batch put where another was", MOVED),
    ("A batch forged", FORGED),
    ("Outcomes of transactions forged", OUTCOME),
    ("Writers and keys", KEYS),
    ("Truncated, and written on", CONTINUED),
    ("Everything put back", ROLLED_BACK),
    ("The ledger's files", LEDGERS),
    ("Two gateways, one of which lies", LIES),
)

ATTACKS = [attack for _, attacks in SECTIONS for attack in attacks]
