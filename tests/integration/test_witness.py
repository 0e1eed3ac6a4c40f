# SPDX-License-Identifier: Apache-2.0
"""`signet witness` against logs that the second implementation makes, from the spec alone: what it cosigns, what it refuses,
and that neither races, kills nor a full disk make it cosign two accounts that exclude each other."""

import concurrent.futures
import http.client
import json
import os
import random
import re
import socket
import threading

import pytest
from gateway import Keys, signet
from machine import lacks
from processes import eventually
from witness import Witness, branch_of, file_name, generate_witness, ledger, new_log, random_writer

pytestmark = pytest.mark.timeout(180)


@pytest.fixture(scope="module")
def witness(tmp_path_factory):
    with Witness(tmp_path_factory.mktemp("witness")) as one:
        yield one


def test_cosigns_what_extends(witness):
    log = new_log(70)
    sizes = [0, 1, 2, 3, 4, 7, 8, 9, 15, 16, 17, 31, 33, 63, 64, 65, 70, 70]
    for old, size in zip(sizes, sizes[1:]):
        assert witness.submit(log, old, size) == 200, (old, size)
        assert witness.remembered(log) == size
    for size in range(1, 65):  # Straight to a size of another log, and from there to the end.
        log = new_log(70)
        assert (witness.submit(log, 0, size), witness.submit(log, size, 70)) == (200, 200)
    assert not witness.events("checkpoint", level="error")


def test_refuses(witness):
    log = new_log()
    assert witness.submit(log, 0, 20) == 200
    branch, strange, foreign = branch_of(log, 9), new_log(writer=random_writer()), new_log(cluster=b"another")
    for label, answer, got in (
            ("an unknown writer", 404, witness.submit(strange, 0, 3)),
            ("another cluster", 404, witness.submit(foreign, 0, 3)),
            ("another writer's signature", 403, witness.submit(log, 20, 30, note=log.note(30, strange.writer))),
            ("an old size above", 400, witness.submit(log, 20, 10)),
            ("another old size", (409, 20), witness.submit(log, 9, 30)),
            ("as if it were new", (409, 20), witness.submit(log, 0, 30)),
            ("another root", (409, 20), witness.submit(branch, 20, 20)),
            ("another root from before", (409, 20), witness.submit(branch, 9, 20)),
            ("another branch", 422, witness.submit(branch, 20, 30)),
            ("no proof", 422, witness.submit(log, 20, 30, proof=[])),
            ("a log that is not ours", 404, witness.submit(generate_witness.Log(b"example.com/log"), 0, 3))):
        assert got == answer, label
        assert witness.remembered(log) == 20, label
    assert witness.submit(log, 20, 30) == 200


@pytest.mark.parametrize("body", (
    b"", b"\n", b"old", b"old 0\n\n", b"old -1\n\n", b"\0" * 100, b"old 0\n" + b"A" * 44 + b"\n", b"old 1\n" + b"\n" * 1000,
    os.urandom(1000), b"old 0\n\n" + b"x" * 60000))
def test_malformed(witness, body):
    assert witness.post(body)[0] == 400
    assert witness.post(body, headers={"Content-Type": "application/json"})[0] == 400


def test_fork_is_kept(witness):
    """What contradicts a log is shown, and kept for whoever looks into it: the first one, and only with the log's signature."""
    log = new_log()
    first, second = branch_of(log, 5), generate_witness.Log(log.origin, log.writer, branch=b"third")
    assert witness.submit(log, 0, 12) == 200
    assert witness.submit(first, 12, 12, note=first.note(12, random_writer())) == 403
    path = os.path.join(witness.state, file_name(log, ".fork"))
    assert not os.path.exists(path)
    for branch in (first, second):
        assert witness.submit(branch, 12, 12) == (409, 12)
    with open(path, "rb") as file:
        assert file.read() == first.note(12)
    (event,) = witness.events("checkpoint", answer="fork", origin=log.origin.decode())
    assert event["level"] == "error" and event["size"] == event["known-size"] == 12


def test_races(witness):
    """Many at once who do not extend each other: for each size the witness knows, one of them."""
    for _ in range(15):
        log = new_log(8)
        branches = [branch_of(log, 8, 8 + extra) for extra in range(1, 7)]
        for branch, tag in zip(branches, range(6)):
            branch.hashes[8:] = [ledger.leaf_hash(b"%d %d" % (tag, at)) for at in range(len(branch.hashes) - 8)]
        assert witness.submit(log, 0, 8) == 200
        barrier = threading.Barrier(len(branches))

        def submit(branch):
            barrier.wait()
            return witness.submit(branch, 8, len(branch.hashes))

        with concurrent.futures.ThreadPoolExecutor(len(branches)) as pool:
            answers = list(pool.map(submit, branches))
        (winner,) = [at for at, answer in enumerate(answers) if answer == 200]
        assert witness.remembered(branches[winner]) == len(branches[winner].hashes)
        assert all(answer == (409, len(branches[winner].hashes)) for at, answer in enumerate(answers) if at != winner)


def test_kill(tmp_path):
    """Killed at any moment: whatever was answered is remembered, and no other account is cosigned after it."""
    witness = Witness(tmp_path)
    log, answered, rng = new_log(3000), 0, random.Random(1)
    for _ in range(6):
        witness.start()
        killer = threading.Timer(rng.uniform(0.02, 0.4), witness.child.kill)
        killer.start()
        known = witness.remembered(log)
        assert known >= answered
        proofs = {}
        try:
            for size in range(known + 1, 3001):
                assert witness.submit(log, known, size, proof=[] if not known else proofs.get(size) or
                                      ledger.consistency_proof(known, log.hashes[:size])) == 200
                known = answered = size
        except (OSError, http.client.HTTPException):
            pass  # Killed.
        killer.join()
        witness.kill()
        remembered = witness.remembered(log)
        assert answered <= remembered <= answered + 1
    assert answered > 10
    with witness:
        remembered = witness.remembered(log)
        assert not [name for name in os.listdir(witness.state) if name.endswith(".new")]
        branch = branch_of(log, answered - 1, 3000)
        assert witness.submit(branch, answered - 1, answered) in ((409, remembered),)
        assert witness.submit(branch, remembered, remembered + 5) == 422
        assert witness.submit(log, remembered, remembered + 5) == 200


def test_stored_before_it_is_answered(tmp_path):
    """In the order of its system calls: the file synced, renamed, its folder synced, and then the answer."""
    trace = tmp_path / "trace"
    log = new_log()
    with Witness(tmp_path, wrapper=("env", "ASAN_OPTIONS=detect_leaks=0", "strace", "-D", "-f", "-s", "20", "-o", trace, "-e",
                                    "trace=fsync,rename,sendto,sendmsg,writev,write")) as witness:
        assert witness.submit(log, 0, 5) == 200
    eventually(lambda: "exited with 0" in trace.read_text())
    calls = []
    for line in trace.read_text().splitlines():
        if (match := re.match(r'\d+ +(?:<\.\.\. )?(fsync|rename)\b', line)) and "unfinished" not in line:
            calls.append(match[1])
        elif "HTTP/1.1 200" in line:
            calls.append("answer")
    assert calls == ["fsync", "rename", "fsync", "answer"], trace.read_text()


def test_full_disk(tmp_path):
    """What cannot be stored is not cosigned, and changes nothing about what was."""
    state = tmp_path / "state"
    state.mkdir()
    if os.system("unshare --mount sh -c 'mount -t tmpfs -o size=64k none %s' 2> /dev/null" % state):
        lacks("file systems cannot be mounted here: it takes a mount namespace")
    with Witness(tmp_path, wrapper=("unshare", "--mount", "sh", "-c", 'mount -t tmpfs -o size=64k none "$0" && exec "$@"',
                                    str(state))) as witness:
        inside = "/proc/%d/root%s" % (witness.child.pid, witness.state)
        witness.state = inside
        logs = [new_log() for _ in range(30)]
        answers = [witness.submit(log, 0, 7) for log in logs]
        assert set(answers) == {200, 500} and answers == sorted(answers)
        stored = answers.count(200)
        assert len(os.listdir(inside)) == stored
        assert witness.submit(logs[0], 7, 9) == 500 and witness.remembered(logs[0]) == 7
        assert witness.events("checkpoint", answer="not-stored")[0]["why"] == "No space left on device"
        os.unlink(os.path.join(inside, file_name(logs[1])))
        assert witness.submit(logs[0], 7, 9) == 200 and witness.remembered(logs[0]) == 9
        assert witness.submit(branch_of(logs[0], 3), 9, 9) == (409, 9)


def test_limits(tmp_path):
    writers = [random_writer(), random_writer()]
    with Witness(tmp_path, writers, limits={"logs": 3, "logs-per-writer": 2, "connections": 4}) as witness:
        logs = [new_log(writer=writers[0]) for _ in range(3)] + [new_log(writer=writers[1]) for _ in range(2)]
        assert [witness.submit(log, 0, 2) for log in logs] == [200, 200, 507, 200, 507]
        assert witness.submit(logs[0], 2, 3) == 200
        # Bodies: too large as announced, as it comes, and one that never comes.
        large = b"old 0\n\n" + b"x" * 100_000
        with socket.create_connection(("127.0.0.1", witness.port)) as one:
            one.sendall(b"POST /add-checkpoint HTTP/1.1\r\nHost: w\r\nContent-Length: 100000\r\n\r\n")
            assert one.recv(100).startswith(b"HTTP/1.1 413")
        assert witness.post(iter([large[:50_000], large[50_000:]]))[0] == 413
        held = [socket.create_connection(("127.0.0.1", witness.port)) for _ in range(12)]
        for one in held:
            one.sendall(b"POST /add-checkpoint HTTP/1.1\r\nHost: w\r\nContent-Length: 100\r\n\r\n")
        for one in held:
            one.close()
        eventually(lambda: answers(witness))
        assert witness.submit(logs[0], 3, 4) == 200


def answers(witness):
    try:
        return witness.request("GET", "/healthz")[:2] == (200, b"ok\n")
    except OSError:
        return False


def test_damaged_state(tmp_path):
    """What cannot be believed is not taken for nothing."""
    log = new_log()
    with Witness(tmp_path) as witness:
        assert witness.submit(log, 0, 9) == 200
        path = os.path.join(witness.state, file_name(log))
        with open(path, "rb") as file:
            note = file.read()
        for bad in (b"", note[:-100], note.replace(b"\n9\n", b"\n1\n"), note.replace(log.origin, new_log().origin)):
            with open(path, "wb") as file:
                file.write(bad)
            assert witness.submit(log, 0, 3) == 500 and witness.submit(log, 9, 12) == 500
        with open(path, "wb") as file:
            file.write(note)
        assert witness.submit(log, 9, 12) == 200


def test_one_at_a_time(tmp_path):
    with Witness(tmp_path) as first:
        second = Witness(tmp_path)
        second.write()
        done = signet("witness", second.config_path, check=False)
        assert done.returncode == 3 and "another witness uses it" in done.stderr
        first.write()


def test_another_key(tmp_path):
    """What was cosigned with the last key is known under the next."""
    log = new_log()
    with Witness(tmp_path) as witness:
        assert witness.submit(log, 0, 9) == 200
    with Witness(tmp_path, name="w2") as witness:
        assert witness.submit(branch_of(log, 3), 0, 9) == (409, 9)
        assert witness.submit(log, 9, 12) == 200


def test_writers_come_and_go(tmp_path):
    """Several clusters; a writer that was revoked, or whose time is over, gets no more."""
    old, new = new_log(), new_log(writer=random_writer(), cluster=b"second cluster")
    with Witness(tmp_path) as witness:
        assert (witness.submit(old, 0, 3), witness.submit(new, 0, 3)) == (200, 404)
    witness.trust_files = [witness.write_trust([generate_witness.WRITER], **{"not-after": "2026-01-01T00:00:00Z"}),
                           witness.write_trust([new.writer], "second cluster", "second.yaml")]
    with witness:
        assert (witness.submit(old, 3, 4), witness.submit(new, 0, 3)) == (404, 200)
    witness.write_trust([generate_witness.WRITER], revoked={"reason": "stolen"})
    with witness:
        assert (witness.submit(old, 3, 4), witness.submit(new, 3, 4)) == (404, 200)


def test_pages(witness):
    log = new_log()
    before = numbers(witness)
    assert (witness.submit(log, 0, 3), witness.submit(log, 0, 4)) == (200, (409, 3))
    grown = {name: value - before[name] for name, value in numbers(witness).items()}
    assert {name: value for name, value in grown.items() if value} == {
        "signet_witness_logs": 1, 'signet_witness_answers_total{answer="cosigned"}': 1,
        'signet_witness_answers_total{answer="other-size"}': 1}
    assert b"forks refused" in witness.request("GET", "/")[1]
    assert witness.request("GET", "/healthz")[:2] == (200, b"ok\n")
    assert witness.request("HEAD", "/healthz")[0] == 200
    assert witness.request("GET", "/add-checkpoint")[0] == 405
    assert witness.request("POST", "/metrics", b"")[0] == 405
    assert witness.request("GET", "/../state")[0] == 404


def numbers(witness):
    text = witness.request("GET", "/metrics")[1].decode()
    return {name: int(value) for name, value in re.findall(r"^(signet_[^ ]+(?:{[^}]*})?) (\d+)$", text, re.M)}


def test_keys(tmp_path):
    """The public half is a C2SP verifier key; the secret half can be locked."""
    keys = Keys(tmp_path)
    signet("keys", "witness", "w.example.com", "--out", tmp_path)
    text = keys.public("w.example.com")
    name, key = ledger.read_witness_key(text.encode())
    assert name == b"w.example.com" and len(key) == 32
    assert signet("keys", "public", tmp_path / "w.example.com.key").stdout.strip() == text
    shown = json.loads(signet("keys", "show", tmp_path / "w.example.com.pub", "--json").stdout)
    assert shown == {"role": "witness", "name": "w.example.com", "secret": False, "locked": False, "public-key": text}
    assert re.search(r"^role +witness$", signet("keys", "show", tmp_path / "w.example.com.key").stdout, re.M)
    passphrase = tmp_path / "passphrase"
    passphrase.write_text("correct horse\n")
    passphrase.chmod(0o600)
    signet("keys", "witness", "locked", "--out", tmp_path, "--passphrase-file", passphrase)
    log = new_log()
    with Witness(tmp_path, settings={"witness-key": {"file": "locked.key", "passphrase-file": "passphrase"}},
                 name="locked") as witness:
        assert witness.submit(log, 0, 3) == 200


@pytest.mark.parametrize("change, word", (
    ({"address": None}, "address"), ({"address": "unix:/tmp/x"}, "Unix sockets"), ({"address": "nowhere"}, "not an address"),
    ({"directory": None}, "directory"), ({"trust-files": []}, "trust-files"), ({"trust-files": ["none.yaml"]}, "none.yaml"),
    ({"trust-files": ["trust.yaml", "trust.yaml"]}, "same cluster"), ({"witness-key": None}, "witness-key"),
    ({"witness-key": {"file": "writer.key"}}, "key of a writer"), ({"witness-key": {"file": "w1.pub"}}, "w1.pub"),
    ({"limits": {"logs": 0}}, "limits.logs"), ({"limits": {"connections": "1001"}}, "limits.connections"),
    ({"limits": {"logs-per-writer": "many"}}, "limits.logs-per-writer"), ({"unknown": 1}, "unknown")))
def test_configuration(tmp_path, change, word):
    witness = Witness(tmp_path)
    signet("keys", "writer", "writer", "--out", tmp_path)
    witness.write()
    with open(witness.config_path) as file:
        config = json.load(file)
    config = {key: value for key, value in {**config, **change}.items() if value is not None}
    with open(witness.config_path, "w") as file:
        json.dump(config, file)
    done = signet("witness", witness.config_path, check=False, timeout=20)
    assert done.returncode == 1 and word in done.stderr, done.stderr


def test_usage(tmp_path):
    assert signet("witness", check=False).returncode == 2
    assert signet("witness", "a", "b", check=False).returncode == 2
    assert signet("witness", tmp_path / "none", check=False).returncode == 1
    witness = Witness(tmp_path)
    os.rmdir(witness.state)
    witness.write()
    done = signet("witness", witness.config_path, check=False)
    assert done.returncode == 3 and "directory" in done.stderr
    os.makedirs(witness.state)
    taken = socket.create_server(("127.0.0.1", witness.port))
    done = signet("witness", witness.config_path, check=False)
    taken.close()
    assert done.returncode == 3 and "cannot listen" in done.stderr
