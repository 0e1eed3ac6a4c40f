# SPDX-License-Identifier: Apache-2.0
"""The command line as people and programs meet it: output, exit codes, files left behind."""

import json
import os
import pathlib
import pty
import select
import signal
import subprocess

import pytest
from certificates import Authority
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from machine import lacks

ROOT = pathlib.Path(__file__).resolve().parents[2]
SIGNET = os.environ.get("SIGNET") or str(ROOT / "build" / "signet")

GOOD, FINDING, USAGE, NO_ANSWER = 0, 1, 2, 3


def signet(*arguments, code=GOOD, cwd=None):
    done = subprocess.run([SIGNET, *map(str, arguments)], capture_output=True, text=True, cwd=cwd, timeout=60,
                          stdin=subprocess.DEVNULL, start_new_session=True)
    assert done.returncode == code, f"{arguments}: exit {done.returncode}\n{done.stdout}{done.stderr}"
    assert "Sanitizer" not in done.stderr
    return done


def answer(*arguments, **how):
    return json.loads(signet(*arguments, "--json", **how).stdout)


def on_terminal(typed, *arguments):
    """Runs signet on a terminal of its own and types a line after each prompt; gives its output and exit code."""
    child, terminal = pty.fork()
    if child == 0:
        os.execv(SIGNET, [SIGNET, *map(str, arguments)])
    output = b""
    lines = list(typed)
    while True:
        if not select.select([terminal], [], [], 30)[0]:
            os.kill(child, signal.SIGKILL)
            break
        try:
            got = os.read(terminal, 4096)
        except OSError:
            break
        if not got:
            break
        output += got
        if lines and output.endswith(b": "):
            os.write(terminal, lines.pop(0).encode() + b"\n")
    os.close(terminal)
    return output.decode(), os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def secret_file(path, text):
    path.write_text(text)
    path.chmod(0o600)
    return path


# Usage.


@pytest.mark.parametrize("arguments", [
    [], ["chekc"], ["check"], ["check", "a", "b"], ["check", "--jsno", "a"], ["keys", "writer", "a", "--out"], ["version", "x"], ["keys"], ["keys", "sign"],
    ["keys", "writer"], ["keys", "writer", "a", "b"], ["keys", "writer", "a", "--remove"], ["keys", "writer", "a b"],
    ["keys", "writer", "../a"], ["keys", "writer", "a", "--out", "x", "--file", "y"], ["keys", "show", "f", "--out", "x"],
    ["keys", "passphrase", "f", "--remove", "--new-passphrase-file", "x"],
])
def test_what_is_not_understood_is_exit_2(arguments, tmp_path):
    done = signet(*arguments, code=USAGE, cwd=tmp_path)
    assert done.stdout == ""
    assert done.stderr.startswith(("signet", "usage: "))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("arguments", [["--help"], ["help"], ["check", "--help"], ["keys", "--help"], ["version", "-h"]])
def test_help_goes_to_standard_output(arguments):
    done = signet(*arguments)
    assert "usage: signet" in done.stdout and done.stderr == ""


def test_version_names_the_libraries():
    versions = answer("version")
    assert {"signet", "openssl", "libsodium", "libsasl2", "libcyaml", "jansson"} <= set(versions)
    assert signet("version").stdout.split()[:2] == ["signet", versions["signet"]]


# Keys.


@pytest.mark.parametrize("role", ["writer", "recipient"])
def test_a_key_is_made_shown_and_derived(role, tmp_path):
    made = answer("keys", role, "gateway-a", "--out", tmp_path)
    secret, public = tmp_path / "gateway-a.key", tmp_path / "gateway-a.pub"
    assert made == {"role": role, "name": "gateway-a", "secret-file": str(secret), "locked": False,
                    "public-file": str(public), "public-key": public.read_text().strip()}
    assert secret.stat().st_mode & 0o777 == 0o600
    assert secret.read_text().startswith(f"signet-{role}-secret-v1 ")
    assert signet("keys", "public", secret).stdout == public.read_text()
    assert answer("keys", "show", public)["public-key"] == public.read_text().strip()
    shown = answer("keys", "show", secret)
    assert (shown["secret"], shown["locked"], shown["public-key"]) == (True, False, None)
    assert secret.read_text().split()[1] not in signet("keys", "show", secret).stdout


def test_keys_are_never_written_over(tmp_path):
    signet("keys", "writer", "a", cwd=tmp_path)
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    done = signet("keys", "writer", "a", cwd=tmp_path, code=NO_ANSWER)
    assert done.stderr == "signet: a.key: File exists\nhint: keys are never written over: choose another name, or --out FOLDER\n"
    assert before == {path: path.read_bytes() for path in tmp_path.iterdir()}


def test_no_secret_is_left_when_its_public_half_cannot_be_written(tmp_path):
    (tmp_path / "a.pub").write_text("something else\n")
    signet("keys", "writer", "a", cwd=tmp_path, code=NO_ANSWER)
    assert [path.name for path in tmp_path.iterdir()] == ["a.pub"]
    assert (tmp_path / "a.pub").read_text() == "something else\n"


def test_a_file_may_be_named(tmp_path):
    signet("keys", "recipient", "r", "--file", tmp_path / "secret")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["secret", "secret.pub"]


def test_passphrases_are_set_changed_and_removed(tmp_path):
    first, second = secret_file(tmp_path / "first", "one two\n"), secret_file(tmp_path / "second", "three")
    key = tmp_path / "a.key"
    assert answer("keys", "writer", "a", "--out", tmp_path, "--passphrase-file", first)["locked"]
    public = (tmp_path / "a.pub").read_text()
    assert "locked with a passphrase" in signet("keys", "public", key, code=NO_ANSWER).stderr
    assert "wrong" in signet("keys", "public", key, "--passphrase-file", second, code=NO_ANSWER).stderr
    signet("keys", "passphrase", key, "--passphrase-file", first, "--new-passphrase-file", second)
    assert signet("keys", "public", key, "--passphrase-file", second).stdout == public
    signet("keys", "passphrase", key, "--passphrase-file", second, "--remove")
    assert signet("keys", "public", key).stdout == public
    assert key.stat().st_mode & 0o777 == 0o600
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.key", "a.pub", "first", "second"]


def test_a_passphrase_is_asked_for_on_the_terminal_and_not_shown(tmp_path):
    key = tmp_path / "a.key"
    output, code = on_terminal(["open sesame", "open sesame"], "keys", "writer", "a", "--out", tmp_path, "--passphrase")
    assert code == GOOD and "sesame" not in output
    assert "-locked-v1 " in key.read_text()
    output, code = on_terminal(["open sesame"], "keys", "public", key)
    assert code == GOOD and (tmp_path / "a.pub").read_text().strip() in output
    output, code = on_terminal(["open barley"], "keys", "public", key)
    assert code == NO_ANSWER and "wrong" in output


@pytest.mark.parametrize("typed", [["one", "other"], [""], ["\x03"]])
def test_a_slip_at_the_terminal_makes_no_key(typed, tmp_path):
    output, code = on_terminal(typed, "keys", "writer", "a", "--out", tmp_path, "--passphrase")
    assert code == NO_ANSWER and "nothing was typed" in output
    assert list(tmp_path.iterdir()) == []


def test_what_others_can_read_is_refused(tmp_path):
    signet("keys", "writer", "a", cwd=tmp_path)
    (tmp_path / "a.key").chmod(0o640)
    done = signet("keys", "public", tmp_path / "a.key", code=FINDING)
    assert "others than its owner" in done.stderr and "hint: chmod 600" in done.stderr


def test_a_key_that_is_none(tmp_path):
    (tmp_path / "a.pub").write_text("# mine\nsignet-writer-v1 AAAA a\n")
    assert "a.pub, line 2: " in signet("keys", "show", tmp_path / "a.pub", code=FINDING).stderr
    assert "No such file" in signet("keys", "show", tmp_path / "b.pub", code=NO_ANSWER).stderr


# Checking a configuration.


HOST = "gw.example.com"


class Place:
    """A folder with all that a gateway needs."""

    def __init__(self, folder):
        self.folder = folder
        self.authority = Authority(folder)
        self.authority.issue("gateway", hosts=(HOST,))
        signet("keys", "writer", "a", cwd=folder)
        signet("keys", "recipient", "r", cwd=folder)
        os.chmod(folder / "gateway.key", 0o600)
        key = (folder / "a.pub").read_text().strip()
        self.write("trust.yaml", f"""
version: 1
cluster-id: MkU3OEVBNTcwNTJENDM2Qk
writers:
  - name: a
    public-key: {key}
    topics: ["orders*"]
""")
        self.config = """cluster:
  bootstrap-servers: [kafka-1:9093]
  tls: { ca: ca.pem }
identity: { writer-key: a.key }
recipients: [r.pub]
recipient-keys: [{ file: r.key }]
trust-file: trust.yaml
listeners:
  - name: apps
    address: 0.0.0.0:9092
    clients-known-by: client-certificate
    tls: { certificate: gateway.pem, key: gateway.key, client-ca: ca.pem }
    advertised: { host: gw.example.com, node-port-base: 9100 }
topics:
  - { match: "orders*", seal: true }
  - { match: "*", seal: false }
"""

    def write(self, name, text):
        (self.folder / name).write_text(text)
        return self.folder / name

    def check(self, code=FINDING, **changes):
        text = self.config
        for old, new in changes.get("replace", []):
            assert old in text
            text = text.replace(old, new)
        self.write("gateway.yaml", text)
        return answer("check", self.folder / "gateway.yaml", code=code)


@pytest.fixture
def place(tmp_path):
    return Place(tmp_path)


def only(found):
    assert len(found["findings"]) == 1, found
    return found["findings"][0]


def test_a_good_configuration(place):
    found = place.check(code=GOOD)
    assert found == {"file": str(place.folder / "gateway.yaml"), "good": True, "errors": 0, "findings": []}
    assert signet("check", "gateway.yaml", cwd=place.folder).stdout == "gateway.yaml: good\n"


def test_a_finding_for_people(place):
    place.write("gateway.yaml", place.config.replace("client-certificate", "loopback"))
    done = signet("check", "gateway.yaml", cwd=place.folder, code=FINDING)
    lines = done.stdout.splitlines()
    assert lines[0].startswith("gateway.yaml:11: error: listeners[0].clients-known-by: the address is not one of loopback")
    assert lines[1].startswith("  hint: ")
    assert lines[-1] == "gateway.yaml: 1 error, 0 warnings"
    assert "\x1b" not in done.stdout


def test_a_warning_is_no_error(place):
    found = only(place.check(code=GOOD, replace=[("  tls: { ca: ca.pem }\n", "")]))
    assert (found["severity"], found["key"], found["line"]) == ("warning", "cluster.tls", 1)


def test_a_file_that_is_not_there(tmp_path):
    found = only(answer("check", tmp_path / "nothing.yaml", code=FINDING))
    assert "No such file" in found["text"] and found["line"] is None


def test_errors_of_the_trust_file_name_its_line(place):
    place.write("trust.yaml", "version: 1\ncluster-id: c\nwriters:\n  - nam: a\n")
    found = only(place.check())
    assert (found["file"], found["line"], found["key"]) == (str(place.folder / "trust.yaml"), 4, "writers[0].nam")
    assert "name" in found["hint"]


def expire(place):
    place.authority.issue("gateway", hosts=(HOST,), days=-1)
    os.chmod(place.folder / "gateway.key", 0o600)


def weaken(place):
    place.authority.issue("gateway", hosts=(HOST,), key=rsa.generate_private_key(65537, 1024))
    os.chmod(place.folder / "gateway.key", 0o600)


def lock(place, passphrase):
    key = serialization.load_pem_private_key((place.folder / "gateway.key").read_bytes(), None)
    locked = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                               serialization.BestAvailableEncryption(passphrase))
    (place.folder / "gateway.key").write_bytes(locked)


def swap_keys(place):
    place.authority.issue("other")
    os.replace(place.folder / "other.key", place.folder / "gateway.key")
    os.chmod(place.folder / "gateway.key", 0o600)


TLS_CASES = {
    "open key": (lambda p: os.chmod(p.folder / "gateway.key", 0o644), "key", "others than its owner"),
    "no key": (lambda p: os.unlink(p.folder / "gateway.key"), "key", "No such file"),
    "no certificate": (lambda p: os.unlink(p.folder / "gateway.pem"), "certificate", "No such file"),
    "not a certificate": (lambda p: p.write("gateway.pem", "hello\n"), "certificate", "does not parse"),
    "half a certificate": (lambda p: p.write("gateway.pem", (p.folder / "gateway.pem").read_text()[:300]), "certificate",
                           "does not parse"),
    "not a key": (lambda p: p.write("gateway.key", "hello\n"), "key", "does not parse"),
    "another key": (swap_keys, "key", "not the key of the certificate"),
    "expired": (expire, "certificate", "has expired"),
    "locked": (lambda p: lock(p, b"word"), "key", "locked with a passphrase"),
    "no authority": (lambda p: p.write("ca.pem", "# nothing\n"), "client-ca", "no certificate in it"),
    "a weak key": (weaken, "certificate", "key too small"),
}


@pytest.mark.parametrize("case", TLS_CASES)
def test_certificates_and_their_keys(place, case):
    change, key, words = TLS_CASES[case]
    change(place)
    findings = place.check()["findings"]
    found = [finding for finding in findings if finding["key"] == f"listeners[0].tls.{key}"]
    assert len(found) == 1 and words in found[0]["text"], findings
    assert found[0]["line"] == 12 and found[0]["severity"] == "error"


CRL_CASES = {
    "good": (lambda p: p.authority.revoke(), None),
    "none": (lambda p: None, "No such file"),
    "expired": (lambda p: p.authority.revoke(days=-1), "a list in it has expired"),
    "not a list": (lambda p: p.write("crl.pem", (p.folder / "ca.pem").read_text()), "no list of revoked certificates"),
}


@pytest.mark.parametrize("case", CRL_CASES)
def test_lists_of_revoked_certificates(place, case):
    change, words = CRL_CASES[case]
    change(place)
    found = place.check(code=FINDING if words else GOOD, replace=[("client-ca: ca.pem", "client-ca: ca.pem, client-crl: crl.pem")])
    assert found["errors"] == bool(words)
    if words:
        assert only(found)["key"] == "listeners[0].tls.client-crl" and words in only(found)["text"]


@pytest.mark.parametrize("hosts, advertised, good", [
    ((HOST,), "advertised: { host: %s, node-port-base: 9100 }" % HOST, True),
    (("other.example.com",), "advertised: { host: %s, node-port-base: 9100 }" % HOST, False),
    (("127.0.0.2",), "advertised: { host: 127.0.0.2, node-port-base: 9100 }", True),
    (("127.0.0.2",), "advertised: { host: 127.0.0.3, node-port-base: 9100 }", False),
    (("*.example.com",), 'sni: { pattern: "b{node}.example.com" }', True),
    (("b1.example.com", "b2.example.com"), 'sni: { pattern: "b{node}.example.com" }', True),
    ((HOST,), 'sni: { pattern: "b{node}.example.com" }', False),
    (("*.example.com",), 'sni: { pattern: "b{node}.kafka.example.com" }', False),
])
def test_certificates_are_for_what_clients_are_told(place, hosts, advertised, good):
    place.authority.issue("gateway", hosts=hosts)
    os.chmod(place.folder / "gateway.key", 0o600)
    found = place.check(code=GOOD, replace=[("advertised: { host: %s, node-port-base: 9100 }" % HOST, advertised)])
    if good:
        assert not found["findings"]
    else:
        warning = only(found)
        assert (warning["severity"], warning["key"]) == ("warning", "listeners[0].tls.certificate")
        assert "is not for `" in warning["text"]


@pytest.mark.parametrize("passphrase, code", [("word", GOOD), ("other", FINDING)])
def test_a_locked_tls_key(place, passphrase, code):
    lock(place, b"word")
    secret_file(place.folder / "p", passphrase + "\n")
    found = place.check(code=code, replace=[("key: gateway.key", "key: gateway.key, key-passphrase-file: p")])
    assert found["errors"] == (code == FINDING)
    if code == FINDING:
        assert "passphrase is wrong" in only(found)["text"]


# Without memory.


def test_no_memory_is_never_a_finding(place):
    """Whatever is short while a configuration is read, either the finding is shown or nobody says that there is one."""
    release = os.environ.get("SIGNET_RELEASE") or os.path.join(ROOT, "build/signet")
    if not os.access(release, os.X_OK):
        lacks("no build/signet: run make")
    rules = "".join('  - { match: "topic-%d", seal: true }\n' % i for i in range(3000))
    config = place.write("gateway.yaml", place.config.replace("trust.yaml", "none.yaml") + rules)
    codes = set()
    for command in ("check", "gateway"):
        for kib in range(12 * 1024, 56 * 1024, 512):
            done = subprocess.run(["prlimit", "--as=%d" % (kib * 1024), release, command, config], capture_output=True, text=True)
            said = done.stdout + done.stderr
            if done.returncode in (FINDING, NO_ANSWER):  # Below that it is the loader that fails, or the libraries.
                codes.add((command, done.returncode))
            assert done.returncode != FINDING or "none.yaml" in said, (command, kib, said)
            assert done.returncode != NO_ANSWER or "memory" in said, (command, kib, said)
    assert codes == {(command, code) for command in ("check", "gateway") for code in (FINDING, NO_ANSWER)}, codes
