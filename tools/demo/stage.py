# SPDX-License-Identifier: Apache-2.0
"""What the demo is played on: a directory, processes, certificates, a broker and a gateway.

    with Stage() as stage:
        stage.make_certificates()
        ...

Whatever ends the block (its end, a failure, after take_signals also ^C and SIGTERM), every process is ended and the
directory removed. Should the demo itself be killed, the kernel ends its processes. Logs are kept, in build/demo-logs,
only when `keep_logs` is called.
"""

import base64
import contextlib
import glob
import json
import os
import random
import secrets
import shlex
import shutil
import signal
import socket
import string
import subprocess
import sys
import tempfile
import time

from story import Failed, check

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
KAFKA = os.path.join(ROOT, "build", "kafka")
SIGNET = os.path.abspath(os.environ.get("SIGNET") or os.path.join(ROOT, "build", "signet"))
KEPT_LOGS = os.path.join(ROOT, "build", "demo-logs")

ENDING_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
START_SECONDS_MAX = 60
RUN_SECONDS_MAX = 90

# Small, soon started, and without a file in the system's directory for temporary files.
JVM = ("-Xms64m", "-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-XX:-UsePerfData")

# Below the range that the kernel takes for outgoing connections.
PORT_FIRST, PORT_LAST = 20000, 31999


class Interrupted(Exception):
    """A signal asks the demo to end."""

    def __init__(self, number):
        self.number = number


class Stage:
    def __init__(self):
        self.directory = None
        self.ports = dict(zip(("controller", "broker", "gateway", "node"), free_ports(4)))
        self.cluster_id = random_id()
        self.passwords = {user: secrets.token_hex(8) for user in ("admin", "shop", "books")}
        self.children = []
        self.gateway_child = None
        self.at_log = 0

    def __enter__(self):
        try:
            with held_signals():
                self.directory = tempfile.mkdtemp(prefix="signet-demo-")
                os.mkdir(self.path("logs"))
        except Interrupted:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        ignore_signals()
        for child in reversed(self.children):
            kill_group(child)
        shutil.rmtree(self.directory)

    def path(self, *names):
        return os.path.join(self.directory, *names)

    def log(self, name):
        return self.path("logs", name + ".log")

    def keep_logs(self):
        """Copies the logs to where they stay; the path of that directory from the root."""
        shutil.rmtree(KEPT_LOGS, ignore_errors=True)
        shutil.copytree(self.path("logs"), KEPT_LOGS)
        return os.path.relpath(KEPT_LOGS, ROOT)

    # Files and processes.

    def write(self, name, template, **values):
        """Fills in one of the files beside this one."""
        with open(os.path.join(HERE, template)) as file:
            text = string.Template(file.read()).substitute(values)
        descriptor = os.open(self.path(name), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with open(descriptor, "w") as out:
            out.write(text)

    def spawn(self, name, argv, **options):
        """Starts a process of its own group, whose errors (and output, unless it is asked for) go to a log."""
        argv = ["setpriv", "--pdeathsig", "KILL", "--", *argv]
        with open(self.log(name), "a") as log, held_signals():
            settings = {"stdin": subprocess.DEVNULL, "stdout": log, "cwd": self.directory, "text": True, **options}
            child = subprocess.Popen(argv, stderr=log, start_new_session=True, **settings)
            self.children.append(child)
        return child

    def finish(self, name, child, stdin=None):
        """Waits for a process; what it printed. It must succeed."""
        try:
            printed, _ = child.communicate(stdin, timeout=RUN_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            raise Failed("%s did not end within %d s" % (name, RUN_SECONDS_MAX)) from None
        check(child.returncode == 0, "%s ended with exit code %d" % (name, child.returncode))
        return printed

    def run(self, name, *argv):
        return self.finish(name, self.spawn(name, argv, stdout=subprocess.PIPE))

    # Certificates and keys.

    def make_certificates(self):
        """ca.pem, and for the broker and the gateway NAME.pem and NAME.key."""
        self._certificate("ca", "authority", "-noenc")
        for name in ("broker", "gateway"):
            self._certificate(name, "server", "-noenc", "-CA", "ca.pem", "-CAkey", "ca.key")
        # Kafka takes key and chain from one file.
        with open(self.path("broker.store.pem"), "w") as store:
            for name in ("broker.key", "broker.pem", "ca.pem"):
                with open(self.path(name)) as part:
                    store.write(part.read())

    def _certificate(self, name, extensions, *options):
        self.run("openssl", "openssl", "req", "-x509", "-config", os.path.join(HERE, "openssl.cnf"), "-extensions",
                 extensions, "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-days", "30", "-subj",
                 "/CN=" + name, "-keyout", name + ".key", "-out", name + ".pem", *options)

    def make_keys(self):
        """A writer, a recipient, and a trust file that has the writer."""
        self.run("signet-keys", SIGNET, "keys", "writer", "demo-writer")
        self.run("signet-keys", SIGNET, "keys", "recipient", "demo-reader")
        with open(self.path("demo-writer.pub")) as file:
            self.write("trust.yaml", "trust.yaml", cluster_id=self.cluster_id, writer_key=file.read().strip())

    # The broker.

    def start_broker(self):
        self.write("broker.properties", "broker.properties", directory=self.directory, data=self.path("data"),
                   controller_port=self.ports["controller"], broker_port=self.ports["broker"],
                   admin_password=self.passwords["admin"])
        users = [word for user, password in self.passwords.items()
                 for word in ("--add-scram", "SCRAM-SHA-512=[name=%s,password=%s]" % (user, password))]
        self.run("broker-format", *self.java("kafka.tools.StorageTool", "format", "-t", self.cluster_id, "-c",
                                             "broker.properties", *users))
        child = self.spawn("broker", self.java("kafka.Kafka", "broker.properties", level="info"))
        self._wait_for("broker", child, "Kafka Server started")
        for user, password in self.passwords.items():
            self.write(user + ".properties", "client.properties", directory=self.directory, user=user,
                       password=password)
        self.client("admin", "broker", "administer")

    def java(self, name, *arguments, level="error"):
        flags = [*JVM, "-Djava.io.tmpdir=" + self.directory, "-Dkafka.level=" + level,
                 "-Dlog4j2.configurationFile=" + os.path.join(ROOT, "tools", "kafka", "log4j2.properties")]
        archive = os.path.join(KAFKA, "broker.jsa")  # Classes as the tests' harness stores them; not needed.
        if os.path.exists(archive):
            flags.append("-XX:SharedArchiveFile=" + archive)
        return ["java", *flags, "-cp", os.path.join(KAFKA, "lib", "*"), name, *arguments]

    def segment(self, topic, partition):
        return self.path("data", "%s-%d" % (topic, partition), "0" * 20 + ".log")

    def segments(self, topic):
        """Everything that the broker has of a topic, by name of the file."""
        found = {}
        for path in glob.glob(self.path("data", topic + "-*", "*")):
            with open(path, "rb") as file:
                found[os.path.relpath(path, self.path("data"))] = file.read()
        return found

    # The gateway.

    def write_gateway_configuration(self):
        self.write("gateway.yaml", "gateway.yaml", broker_port=self.ports["broker"],
                   gateway_port=self.ports["gateway"], node_port=self.ports["node"])

    def start_gateway(self):
        self.gateway_child = self.spawn("gateway", [SIGNET, "gateway", "gateway.yaml"])
        self._wait_for("gateway", self.gateway_child, "listening")

    def stop_gateway(self):
        """As an operator would; its exit code."""
        self.gateway_child.terminate()
        return self.gateway_child.wait(RUN_SECONDS_MAX)

    def mark_log(self):
        """refusal() looks at what comes after this."""
        self.at_log = os.path.getsize(self.log("gateway"))

    def refusal(self):
        """The first refused batch in the gateway's log since the mark: its fields."""
        deadline = time.monotonic() + 5
        while time.monotonic() < deadline:
            with open(self.log("gateway")) as log:
                log.seek(self.at_log)
                for line in log:
                    words = shlex.split(line)
                    if line.endswith("\n") and words[2] == "batch-refused":
                        return dict(word.split("=", 1) for word in words[3:])
            time.sleep(0.02)
        raise Failed("the gateway's log does not name the batch that it refused")

    # Clients.

    def address(self, of):
        return "127.0.0.1:%d" % self.ports[of]

    def client(self, user, to, *arguments):
        """Runs the Python application; what it told."""
        argv = [sys.executable, "-B", os.path.join(HERE, "client"), self.address(to), user + ".properties", *arguments]
        return [json.loads(line) for line in self.run("python-client", *argv).splitlines()]

    def java_produce(self, topics, lines):
        """Kafka's console producer, once a topic and all at the same time; every message a batch of its own."""
        running = {}
        for topic in topics:
            argv = self.java("org.apache.kafka.tools.ConsoleProducer", "--bootstrap-server", self.address("gateway"),
                             "--command-config", "shop.properties", "--command-property", "linger.ms=0", "--sync",
                             "--topic", topic, "--reader-property", "parse.key=true", "--reader-property",
                             "key.separator=:")
            name = "java-producer-" + topic
            with open(self.path(name + ".txt"), "w+") as messages:
                messages.writelines(line + "\n" for line in lines)
                messages.seek(0)
                running[name] = self.spawn(name, argv, stdin=messages)
        for name, child in running.items():
            self.finish(name, child)
            # The console producer ends well even when it could send nothing.
            with open(self.log(name)) as log:
                check("ERROR" not in log.read(), "%s could not send" % name)

    def _wait_for(self, name, child, words):
        deadline = time.monotonic() + START_SECONDS_MAX
        while True:
            with open(self.log(name)) as log:
                if words in log.read():
                    return
            check(child.poll() is None, "the %s ended instead of starting" % name)
            check(time.monotonic() < deadline, "the %s did not start within %d s" % (name, START_SECONDS_MAX))
            time.sleep(0.02)


def kill_group(child):
    """Ends a process and whatever it started."""
    if child.poll() is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
        child.wait()


_held = None


def take_signals():
    """From now on those that ask for an end raise Interrupted; a hangup does not under nohup."""
    for number in ENDING_SIGNALS:
        if number != signal.SIGHUP or signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _on_signal)


def ignore_signals():
    for number in ENDING_SIGNALS:
        signal.signal(number, signal.SIG_IGN)


@contextlib.contextmanager
def held_signals():
    """Lets what makes something to be cleaned up finish before a signal is acted upon."""
    global _held
    _held = []
    try:
        yield
    finally:
        held, _held = _held, None
    if held:
        raise Interrupted(held[0])


def _on_signal(number, _):
    if _held is None:
        raise Interrupted(number)
    _held.append(number)


def free_ports(count):
    """So many free TCP ports next to one another."""
    for _ in range(100):
        first = random.randrange(PORT_FIRST, PORT_LAST - count)
        with contextlib.ExitStack() as probes, contextlib.suppress(OSError):
            for port in range(first, first + count):
                probe = probes.enter_context(socket.socket())
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind(("127.0.0.1", port))
            return list(range(first, first + count))
    raise Failed("no free ports")


def random_id():
    """16 random bytes as Kafka writes them, never with a leading dash."""
    while True:
        text = base64.urlsafe_b64encode(secrets.token_bytes(16)).decode().rstrip("=")
        if not text.startswith("-"):
            return text
