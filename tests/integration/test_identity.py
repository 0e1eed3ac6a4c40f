# SPDX-License-Identifier: Apache-2.0
"""Who clients are: each way in which a listener knows them, with real brokers behind, and nobody else served."""

import os
import ssl
import stat
import subprocess
import threading
import time

import clients
import exchange
import processes
import pytest
import relay
import wire
from certificates import Authority
from clients import CLIENTS
from confluent_kafka import Producer
from exchange import Endpoint
from gateway import Gateway, program, secure_gateway
from kafka import JVM_TOOL
from processes import eventually

PARAMETRIZE_CLIENT = pytest.mark.parametrize("client", CLIENTS)
DELEGATION_TOKEN_CLIENTS = ["java", "franz"]


@pytest.fixture(scope="module")
def gateway(tmp_path_factory, secure_kafka, authority):
    with secure_gateway(tmp_path_factory.mktemp("known-by-brokers"), secure_kafka, authority) as running:
        yield running
        assert not running.events("batch-refused"), running.log()[-4000:]


def as_user(gateway, kafka, user, mechanism=None, **more):
    return Endpoint(gateway.bootstrap, kafka, {**kafka.client("SECURE", user, mechanism), **more}, by_batch=True)


# Known by the brokers: SASL goes through.


@PARAMETRIZE_CLIENT
@pytest.mark.parametrize("mechanism", ["SCRAM-SHA-512", "PLAIN", "OAUTHBEARER"])
def test_sasl(gateway, secure_kafka, client, mechanism):
    """Nobody but alice may do this at the brokers, so they know her by her own name."""
    before = len(gateway.events("authenticated", principal="User:alice"))
    endpoint = as_user(gateway, secure_kafka, "alice", mechanism)
    topic, sent = endpoint.topic("sasl"), exchange.plain_records(3)
    exchange.send(endpoint, client, topic, sent)
    exchange.check_same(sent, exchange.receive(endpoint, client, topic, 3, group=exchange.group()))
    assert len(gateway.events("authenticated", principal="User:alice")) > before


@PARAMETRIZE_CLIENT
def test_denied(gateway, secure_kafka, client):
    endpoint = as_user(gateway, secure_kafka, "mallory")
    topic = endpoint.topic("denied")
    consumed = exchange.denied(endpoint, client, topic)
    assert 29 in consumed.codes, consumed.errors
    assert gateway.events("authenticated", principal="User:mallory")
    with open(secure_kafka.log()) as log:
        denials = [line for line in log if "is Denied" in line and topic in line]
    assert denials and all("Principal = User:mallory " in line for line in denials), denials[:3]


def test_wrong_password(gateway, secure_kafka, consumers):
    """Every client tells its own authentication error, the same as when it is at the brokers themselves."""
    wrong = secure_kafka.client("SECURE", "alice", password="wrong")
    topic = as_user(gateway, secure_kafka, "alice").topic("wrong-password")

    def errors(client, bootstrap):
        endpoint = Endpoint(bootstrap, secure_kafka, wrong)
        result = clients.produce(client, endpoint.job(topic, records=exchange.plain_records(1), timeout_ms=2500))
        assert not result.ok
        return {(error.name, error.code) for error in result.errors}

    def compare(client):
        return errors(client, secure_kafka.bootstrap("SECURE")), errors(client, gateway.bootstrap)

    for client, (direct, through) in zip(consumers, clients.together(*[lambda c=c: compare(c) for c in consumers])):
        assert direct == through, client
    assert "wrong" not in [event.get("principal") for event in gateway.events("authenticated")]


def test_delegation_tokens(gateway, secure_kafka, tmp_path, consumers):
    """A token made through the gateway lets its holder in, as its owner to the brokers and under its own name here."""
    settings = tmp_path / "alice.properties"
    settings.write_text("\n".join([
        "security.protocol=SASL_SSL", "sasl.mechanism=SCRAM-SHA-512", "ssl.truststore.type=PEM",
        "ssl.truststore.location=" + secure_kafka.authority.ca,
        "sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required "
        'username="alice" password="alice-secret";']))
    made = subprocess.run(secure_kafka._java(JVM_TOOL, "error", "org.apache.kafka.tools.DelegationTokenCommand",
                                             "--bootstrap-server", gateway.bootstrap, "--command-config", settings,
                                             "--create", "--max-life-time-period", "-1"),
                          capture_output=True, text=True, timeout=60)
    words = made.stdout.split()
    assert made.returncode == 0 and "HMAC" in words, made.stdout + made.stderr
    token, hmac = next(words[i:i + 2] for i, word in enumerate(words) if i > words.index("EXPIRYDATE") + 1)
    endpoint = as_user(gateway, secure_kafka, token, "SCRAM-SHA-512", password=hmac, token=True)
    for client in [c for c in DELEGATION_TOKEN_CLIENTS if c in consumers]:
        exchange.groups(endpoint, client)
    assert gateway.events("authenticated", principal="DelegationToken:" + token)
    assert hmac not in gateway.log()


def authentications(gateway):
    """How often each connection has authenticated."""
    counts = {}
    for event in gateway.events("authenticated"):
        counts[event["client"]] = counts.get(event["client"], 0) + 1
    return counts


@pytest.fixture(scope="module")
def brief(tmp_path_factory, secure_kafka, authority):
    with secure_gateway(tmp_path_factory.mktemp("brief"), secure_kafka, authority, "BRIEF") as running:
        yield running


def test_reauthentication(brief, secure_kafka, authority, consumers):
    """Brokers end every session after 1.5 s; whoever authenticates again in time goes on over the same connection."""
    count = 100
    # It begins 10 s before the end, which in so brief a session is too early for brokers.
    consumers = [c for c in consumers if c != "kafkajs"]
    endpoint = as_user(brief, secure_kafka, "alice", "SCRAM-SHA-512")
    topic = endpoint.topic("brief")
    reading = [clients.start(c, "consume", endpoint.job(topic, count=count, timeout_ms=40000)) for c in consumers]
    producer = Producer({
        "bootstrap.servers": brief.bootstrap, "security.protocol": "SASL_SSL", "sasl.mechanism": "SCRAM-SHA-512",
        "sasl.username": "alice", "sasl.password": "alice-secret", "ssl.ca.location": authority.ca, "linger.ms": 0,
        "enable.idempotence": True, "log_level": 0})
    failed = []
    for i in range(count):
        producer.produce(topic, b"record %d" % i, on_delivery=lambda error, _: error and failed.append(error))
        producer.poll(0)
        time.sleep(0.1)
    assert producer.flush(20) == 0 and not failed
    for running in reading:
        result = running.result().check()
        assert sorted({r.offset for r in result.records}) == list(range(count)), result.client
    often = [address for address, times in authentications(brief).items() if times > 4]
    assert len(often) >= len(consumers), authentications(brief)
    assert not brief.events("batch-refused") and not brief.events("conversation-ended"), brief.log()[-4000:]


def test_another_name(brief, authority):
    """A connection is one client's: it may not come again as somebody else."""
    with wire.Wire(brief.bootstrap, wire.tls_context(authority.ca)) as connection:
        for part in wire.sasl_plain("alice", "alice-secret"):
            assert connection.ask(part)
        assert connection.ask(wire.metadata())
        time.sleep(1.1)  # Brokers refuse whoever comes back sooner.
        handshake, token = wire.sasl_plain("mallory", "mallory-secret")
        assert connection.ask(handshake)
        assert b"Cannot change principals" in connection.ask(token)
        assert connection.is_closed()
    assert not brief.events("authenticated", principal="User:mallory")


@pytest.fixture(scope="module")
def unauthenticated(tmp_path_factory, kafka):
    """Clients are known by the brokers, but these authenticate nobody."""
    listener = {"clients-known-by": "brokers", "trust-brokers-for-identity": True}
    with Gateway(tmp_path_factory.mktemp("unauthenticated"), kafka, listener=listener,
                 settings={"limits": {"handshake-timeout": "1s"}}) as running:
        yield running


def test_nobody_is_served_unauthenticated(unauthenticated, kafka):
    for api in range(wire.API_KEY_LAST + 1):
        if api in (wire.API_VERSIONS, wire.SASL_HANDSHAKE, wire.SASL_AUTHENTICATE):
            continue
        with wire.Wire(unauthenticated.bootstrap) as connection:
            connection.send(wire.request(api, 4, b"\0" * 64))
            assert connection.receive() is None, api
    with wire.Wire(unauthenticated.bootstrap) as connection:
        assert connection.ask(wire.request(wire.API_VERSIONS, 0))
        for part in wire.sasl_plain("alice", "alice-secret"):
            connection.send(part)
        connection.send(wire.metadata())
        while answer := connection.receive():
            assert len(answer) < 100, "a broker without SASL has let somebody in"
    assert not unauthenticated.events("authenticated")


def test_authentication_takes_too_long(unauthenticated):
    """A client that says a little now and then, but not who it is."""
    with wire.Wire(unauthenticated.bootstrap) as connection:
        began = time.monotonic()
        while time.monotonic() < began + 8:
            try:
                if connection.ask(wire.request(wire.API_VERSIONS, 0)) is None:
                    break
            except OSError:
                break
            time.sleep(0.2)
        assert 1 < time.monotonic() - began < 5
    assert any("handshake-timeout" in event["why"] for event in unauthenticated.events("client-failed"))


# Known by certificate.


@pytest.fixture(scope="module")
def mutual(tmp_path_factory, secure_kafka, authority):
    """Certificates from clients, and one of its own for the brokers."""
    own = authority.issue("gateway-to-brokers", hosts=())
    for resource in ("topic", "group", "transactional_id"):
        secure_kafka.allow("User:CN=gateway-to-brokers", "all", resource, "*")
    server = authority.issue("gateway")
    listener = {
        "clients-known-by": "client-certificate",
        "trust-brokers-for-identity": False,
        "tls": {"certificate": server.certificate, "key": server.key, "client-ca": authority.ca},
    }
    running = secure_gateway(tmp_path_factory.mktemp("mutual"), secure_kafka, authority, "MUTUAL", listener)
    running.cluster_tls.update(certificate=own.certificate, key=own.key)
    with running:
        yield running


def certified(gateway, kafka, certificate):
    return Endpoint(gateway.bootstrap, kafka, kafka.client("MUTUAL", certificate=certificate), by_batch=True)


@PARAMETRIZE_CLIENT
def test_client_certificate(mutual, secure_kafka, authority, client):
    name = "bob-%s" % client.replace("_", "-")
    certificate = authority.issue(name, hosts=(), organization="Example, Inc.")
    exchange.groups(certified(mutual, secure_kafka, certificate), client)
    principals = {event["principal"] for event in mutual.events("authenticated") if name in event["principal"]}
    assert principals == {"User:O=Example\\, Inc.,CN=%s" % name}


@pytest.mark.parametrize("kind", ["none", "another authority's", "expired"])
def test_no_good_certificate(mutual, secure_kafka, authority, tmp_path, consumers, kind):
    certificate = {
        "none": lambda: None,
        "another authority's": lambda: Authority(tmp_path, "Another").issue("bob", hosts=()),
        "expired": lambda: authority.issue("late", hosts=(), days=-1),
    }[kind]()
    endpoint = certified(mutual, secure_kafka, certificate)
    topic = endpoint.topic("no-certificate")
    before = len(mutual.events("authenticated"))
    jobs = [lambda c=c: clients.produce(c, endpoint.job(topic, records=exchange.plain_records(1), timeout_ms=2500))
            for c in consumers]
    for result in clients.together(*jobs):
        assert not result.ok and result.errors, result.client
    assert len(mutual.events("authenticated")) == before
    whys = {event["why"] for event in mutual.events("client-failed")}
    expected = {"none": "peer did not return a certificate", "another authority's": "certificate", "expired": "expired"}[kind]
    assert any(expected in why for why in whys), whys


def test_certificate_without_a_subject(mutual, authority):
    """All who have such a one would be one and the same."""
    nobody = authority.issue("nobody", hosts=("nobody.example.com",), named=False)
    before = len(mutual.events("authenticated"))
    context = wire.tls_context(authority.ca, certificate=nobody.certificate, key=nobody.key)
    with wire.Wire(mutual.bootstrap, context) as connection:
        connection.send(wire.request(wire.API_VERSIONS, 0))
        assert connection.is_closed()
    eventually(lambda: mutual.events("client-refused"))
    assert len(mutual.events("authenticated")) == before


def test_revoked_certificate(tmp_path, kafka):
    """From the reload on it is refused; who is connected stays, and others come in as before."""
    authority = Authority(tmp_path / "authority", "Revoking")
    server = authority.issue("gateway")
    alice, bob = (authority.issue(name, hosts=()) for name in ("alice", "bob"))
    listener = {
        "clients-known-by": "client-certificate",
        "tls": {"certificate": server.certificate, "key": server.key, "client-ca": authority.ca, "client-crl": authority.revoke()},
    }

    def connect(client):
        return wire.Wire(running.bootstrap, wire.tls_context(authority.ca, certificate=client.certificate, key=client.key))

    with Gateway(tmp_path / "gateway", kafka, listener=listener) as running, connect(alice) as before, connect(bob) as other:
        assert before.ask(wire.metadata()) and other.ask(wire.metadata())
        authority.revoke(alice)
        running.reload()
        with pytest.raises((OSError, AssertionError)), connect(alice) as connection:
            assert connection.ask(wire.metadata())
        eventually(lambda: [event for event in running.events("client-failed") if "revoked" in event["why"]])
        assert before.ask(wire.metadata())
        with connect(bob) as connection:
            assert connection.ask(wire.metadata())


def test_plain_client(mutual):
    with wire.Wire(mutual.bootstrap) as connection:
        connection.send(wire.request(wire.API_VERSIONS, 0))
        assert connection.is_closed()
    eventually(lambda: [e for e in mutual.events("client-failed") if "TLS" in e["why"] or "http" in e["why"]])


# Known by where they are.


def test_loopback(tmp_path, kafka):
    with Gateway(tmp_path, kafka) as gateway:
        endpoint = Endpoint(gateway.bootstrap, kafka, by_batch=True)
        topic = endpoint.topic("loopback")
        exchange.send(endpoint, "librdkafka", topic, exchange.plain_records(3))
        exchange.receive(endpoint, "librdkafka", topic, 3)
        port = int(gateway.bootstrap.rpartition(":")[2])
        with open("/proc/net/tcp") as table:
            listening = [row.split()[1] for row in table if row.split()[3] == "0A"]
        assert [address for address in listening if int(address[-4:], 16) == port] == ["0100007F:%04X" % port]


class UnixRelay(relay.Relay):
    """From a TCP port to a Unix socket."""

    def __init__(self, port, path):
        super().__init__()
        self.port, self.path = port, path

    def _accept(self):
        while True:
            try:
                client, _ = self._listening.accept()
                broker = relay.socket.socket(relay.socket.AF_UNIX)
                broker.connect(self.path)
            except OSError:
                return
            for source, sink in ((client, broker), (broker, client)):
                self._open.add(source)
                threading.Thread(target=self._pass, args=(source, sink, bytes), daemon=True).start()


def test_unix_socket(tmp_path, kafka, consumers):
    """Whoever may open the socket; nodes have paths of their own."""
    first, base = processes.ports(3)[:2]
    path = str(tmp_path / "gateway.sock")
    listener = {
        "address": "unix:" + path,
        "clients-known-by": "unix-socket",
        "advertised": {"host": "127.0.0.1", "node-port-base": base, "node-ports": 2},
    }
    with Gateway(tmp_path, kafka, listener=listener) as gateway:
        assert stat.S_IMODE(os.stat(path).st_mode) == stat.S_IMODE(os.stat(path + ".1").st_mode) == 0o660
        with UnixRelay(first, path), UnixRelay(base + 1, path + ".1"):
            endpoint = Endpoint("127.0.0.1:%d" % first, kafka, by_batch=True)
            for client in consumers[:2]:
                exchange.groups(endpoint, client)
        assert all(event["client"].startswith("unix") for event in gateway.events("connected"))
    assert not os.path.exists(path) and not os.path.exists(path + ".1")


# Known by nothing: such configurations do not start.


REFUSED = {
    "not said": ({"clients-known-by": None}, "clients-known-by"),
    "loopback on all addresses": ({"address": "0.0.0.0:%d"}, "others could connect"),
    "loopback on a name": ({"address": "kafka.test:%d"}, "others could connect"),
    "brokers, not stated": ({"clients-known-by": "brokers"}, "trust-brokers-for-identity"),
    "brokers, denied": ({"clients-known-by": "brokers", "trust-brokers-for-identity": False}, "trust-brokers-for-identity"),
    "certificates without TLS": ({"clients-known-by": "client-certificate"}, "clients cannot be known by certificates"),
    "certificates of no authority": (
        {"clients-known-by": "client-certificate", "tls": {"certificate": "c.pem", "key": "c.key"}}, "tls.client-ca"),
    "a Unix socket that is none": ({"clients-known-by": "unix-socket"}, "not a Unix socket"),
    "loopback on a Unix socket": ({"address": "unix:/tmp/none.sock"}, "write unix-socket"),
    "a word that does not exist": ({"clients-known-by": "anyone"}, "anyone"),
    "the old password of nobody": ({"clients-known-by": "sasl"}, "sasl"),
}


@pytest.mark.parametrize("label", REFUSED)
def test_refused_at_start(tmp_path, kafka, label):
    change, words = REFUSED[label]
    gateway = Gateway(tmp_path, kafka)
    port = int(gateway.bootstrap.rpartition(":")[2])
    if "%d" in change.get("address", ""):
        change = {**change, "address": change["address"] % port}
    gateway.listener = {key: value for key, value in {**gateway.listener, **change}.items() if value is not None}
    gateway.write()
    done = subprocess.run([program(), "gateway", gateway.config_path], capture_output=True, text=True, timeout=20)
    assert done.returncode == 1 and words in done.stderr, done.stderr
    with pytest.raises(ConnectionRefusedError):
        wire.Wire("127.0.0.1:%d" % port)


# TLS itself.


@pytest.mark.parametrize("only", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_one_version_of_tls(gateway, secure_kafka, authority, only):
    with wire.Wire(gateway.bootstrap, wire.tls_context(authority.ca, version=only)) as connection:
        assert connection.ask(wire.request(wire.API_VERSIONS, 0))
        name = only.name.replace("_", ".")
        assert connection.socket.version() == name
    endpoint = as_user(gateway, secure_kafka, "alice", native={"java": {"ssl.enabled.protocols": name, "ssl.protocol": name}})
    exchange.groups(endpoint, "java")


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_old_tls(gateway, authority):
    context = wire.tls_context(authority.ca)
    context.minimum_version, context.maximum_version = ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1
    context.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.raises((ssl.SSLError, ConnectionError)):
        wire.Wire(gateway.bootstrap, context)
    eventually(lambda: [e for e in gateway.events("client-failed") if "unsupported protocol" in e["why"]])


def ask_in_vain(gateway):
    with wire.Wire(gateway.bootstrap) as connection:
        connection.send(wire.request(wire.API_VERSIONS, 0))
        assert connection.receive() is None


def test_broker_of_another_authority(tmp_path, secure_kafka):
    """Nothing is sent to it, and the log says why."""
    stranger = Authority(tmp_path / "stranger", "Stranger")
    with Gateway(tmp_path / "gateway", secure_kafka, "SECURE", cluster_tls={"ca": stranger.ca}) as gateway:
        ask_in_vain(gateway)
        (failed, *_) = eventually(lambda: gateway.events("broker-failed"))
        assert "certificate" in failed["why"] and failed["level"] == "warning", failed


@pytest.mark.parametrize("verify", [True, False])
def test_broker_of_another_name(tmp_path, authority, verify):
    certificate = authority.issue("elsewhere", hosts=("kafka.test",))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate.certificate, certificate.key)
    heard = []

    def answer(api, version, correlation, body):
        heard.append(api)
        return wire.frame(wire.struct.pack(">ih", correlation, 0) + b"\0\0\0\0")

    with wire.FakeBroker(wire.answering(answer), context) as broker:
        tls = {"ca": authority.ca, "verify-hostname": verify}
        with Gateway(tmp_path, broker, cluster_tls=tls) as gateway:
            if verify:
                ask_in_vain(gateway)
                (failed, *_) = eventually(lambda: gateway.events("broker-failed"))
                assert "127.0.0.1" in failed["why"] and "mismatch" in failed["why"], failed
                assert not heard
            else:
                with wire.Wire(gateway.bootstrap) as connection:
                    assert connection.ask(wire.request(wire.API_VERSIONS, 0)) and heard


def serial(gateway, authority):
    with wire.Wire(gateway.bootstrap, wire.tls_context(authority.ca)) as connection:
        return connection.socket.getpeercert()["serialNumber"]


def test_certificates_are_read_again(tmp_path, secure_kafka, authority):
    """A new certificate, and new authorities on both sides, without a restart; those who are connected stay."""
    stranger = Authority(tmp_path / "stranger", "Stranger")
    gateway = secure_gateway(tmp_path / "gateway", secure_kafka, authority)
    gateway.cluster_tls = {"ca": stranger.ca}
    with gateway:
        first = serial(gateway, authority)
        gateway.cluster_tls = {"ca": authority.ca}
        gateway.write()
        gateway.reload()
        with wire.Wire(gateway.bootstrap, wire.tls_context(authority.ca)) as connected:
            for part in wire.sasl_plain("alice", "alice-secret"):
                assert connected.ask(part)
            renewed = authority.issue("gateway")
            gateway.reload()
            second = serial(gateway, authority)
            assert second != first
            assert connected.ask(wire.metadata())
            with open(renewed.certificate, "w") as file:
                file.write("no certificate\n")
            gateway.reload()
            assert len(gateway.events("reload-refused")) == 1 and serial(gateway, authority) == second
            complaint = gateway.events("configuration", level="error")[-1]
            assert "gateway.pem" in complaint["what"], complaint
            assert connected.ask(wire.metadata())
        authority.issue("gateway")
        gateway.listener["clients-known-by"] = "client-certificate"
        gateway.listener["trust-brokers-for-identity"] = False
        gateway.listener["tls"]["client-ca"] = authority.ca
        gateway.write()
        gateway.reload()
        assert gateway.events("restart-needed")
