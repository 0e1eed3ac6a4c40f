# SPDX-License-Identifier: Apache-2.0
"""Stock Kafka clusters of one or three nodes (KRaft), on loopback, each in a directory of its own.

    with Kafka(directory, listeners={"CLIENT": Listener()}) as kafka:
        kafka.topic("orders", partitions=3)
        kafka.bootstrap("CLIENT")

Besides the listeners asked for, every node has INTERNAL: plaintext, for the nodes themselves and for administration.
Whoever comes without authentication is User:ANONYMOUS, a super user, as INTERNAL needs that; so ACLs mean something
only on listeners that authenticate. A listener's advertised address can be another's, so that a proxy stands in front.

Only the methods that say so need the confluent-kafka package; the rest is the standard library.
"""

import base64
import fcntl
import glob
import os
import shutil
import subprocess
import tempfile
import time
import uuid
from dataclasses import dataclass, field
from typing import Callable, Mapping, Optional, Sequence

import processes
from processes import eventually

ROOT = os.path.abspath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
START_SECONDS_MAX = 60

# A broker that starts soon and stays small. Benchmarks pass flags of their own.
JVM = ("-Xms128m", "-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto")
JVM_TOOL = ("-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto")

LOGIN = "org.apache.kafka.common.security."


class ToolFailed(Exception):
    """A tool of Kafka's ended with an error; the text is what it printed."""


@dataclass
class Listener:
    """A listener that every node gets.

    advertised: a function from the node's number to "host:port"; None is the listener's own address.
    certificate: a certificates.Certificate, or a function from the node's number to one; None is one of the cluster's.
    client_certificates: none, requested or required.
    settings: further broker settings, named without their "listener.name.…." prefix.
    """

    security: str = "plaintext"
    advertised: Optional[Callable[[int], str]] = None
    mechanisms: Sequence[str] = ("SCRAM-SHA-512", "PLAIN")
    certificate: object = None
    client_certificates: str = "none"
    settings: Mapping[str, str] = field(default_factory=dict)

    @property
    def tls(self):
        return self.security.endswith("ssl")

    @property
    def sasl(self):
        return self.security.startswith("sasl")


class Kafka:
    """One cluster.

    users: names and passwords, for SCRAM and PLAIN alike; "admin" is a super user.
    authority: a certificates.Authority, for listeners with TLS.
    acls: whether the StandardAuthorizer decides; nobody but super users may then do anything until `allow`.
    settings: further broker settings. version: None is the pinned one.
    """

    def __init__(self, directory, listeners=None, nodes=1, users=None, authority=None, acls=False, settings=None,
                 version=None, jvm=JVM):
        self.directory = str(directory)
        self.listeners = {"CLIENT": Listener()} if listeners is None else dict(listeners)
        self.nodes = range(1, nodes + 1)
        self.users = dict(users or {})
        self.authority = authority
        self.acls = acls
        self.extra = dict(settings or {})
        self.jvm = jvm
        self.home = os.path.join(ROOT, "build", "kafka-" + version if version else "kafka")
        self.cluster_id = _random_id()
        self._version = version
        self._children = {}
        names = ["CONTROLLER", "INTERNAL", *self.listeners]
        self._ports = {}
        for node in self.nodes:
            self._ports.update(zip([(name, node) for name in names], processes.ports(len(names))))
        self._admin = None

    # The cluster's life.

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()

    def start(self):
        subprocess.run([os.path.join(ROOT, "tools/kafka/fetch"), *([self._version] if self._version else [])], check=True)
        if self.jvm is JVM:
            self.jvm = (*JVM, "-XX:SharedArchiveFile=" + self._class_archive())
        self._format()
        for node in self.nodes:
            self._launch(node)
        for node in self.nodes:
            self._wait(node)
        return self

    def stop(self):
        """Ends all nodes without waiting for an orderly shutdown, which nobody needs at the end of a run."""
        for node in list(self._children):
            self.kill(node)
        self._admin = None

    def pid(self, node=1):
        return self._children[node].pid

    def kill(self, node=1):
        """Ends one node as a crash would (SIGKILL)."""
        child = self._children.pop(node)
        child.kill()
        child.wait()

    def stop_node(self, node=1):
        """An orderly shutdown of one node."""
        processes.stop(self._children.pop(node), 30)

    def start_node(self, node=1):
        self._launch(node)
        self._wait(node)

    def restart(self, node=1):
        self.stop_node(node)
        self.start_node(node)

    # Where it is.

    def port(self, listener="CLIENT", node=1):
        return self._ports[listener, node]

    def address(self, listener="CLIENT", node=1):
        return "127.0.0.1:%d" % self.port(listener, node)

    def bootstrap(self, listener="CLIENT"):
        return ",".join(self.address(listener, node) for node in self.nodes)

    def client(self, listener="CLIENT", user=None, mechanism=None, certificate=None, password=None):
        """What a client needs for a listener, in the neutral names of tests/clients/README.md."""
        spec = self.listeners[listener]
        settings = {"security": spec.security}
        if spec.tls:
            settings["ca"] = self.authority.ca
        if certificate:
            settings.update(certificate=certificate.certificate, key=certificate.key)
        if spec.sasl:
            settings["mechanism"] = mechanism or spec.mechanisms[0]
            settings["username"] = user
            settings["password"] = self.users.get(user, "") if password is None else password
        return settings

    def log(self, node=1):
        """The path of what a node printed."""
        return os.path.join(self.directory, "node-%d.log" % node)

    def data(self, node=1):
        """A node's log directory, in Kafka's sense: where its partitions are."""
        return os.path.join(self.directory, "node-%d" % node)

    def partition(self, topic, partition=0, node=1):
        return os.path.join(self.data(node), "%s-%d" % (topic, partition))

    def segments(self, topic, partition=0, node=1):
        """The paths of a partition's .log files on one node, oldest first."""
        return sorted(glob.glob(os.path.join(glob.escape(self.partition(topic, partition, node)), "*.log")))

    def topic_id(self, topic, partition=0, node=1):
        """As a node keeping that partition has it on its disk."""
        with open(os.path.join(self.partition(topic, partition, node), "partition.metadata")) as file:
            return dict(line.split(": ") for line in file.read().splitlines())["topic_id"]

    # Administration.

    def admin(self, tool, *arguments, check=True, stdin=None, bootstrap=None):
        """Runs one of Kafka's own tools, such as TopicCommand, and returns what it printed. Takes about two seconds.

        bootstrap: where it is to connect to, if not to INTERNAL.
        """
        names = {"ConfigCommand": "kafka.admin.ConfigCommand", "StorageTool": "kafka.tools.StorageTool",
                 "ConsoleConsumer": "org.apache.kafka.tools.consumer.ConsoleConsumer",
                 "ConsumerGroupCommand": "org.apache.kafka.tools.consumer.group.ConsumerGroupCommand"}
        name = tool if "." in tool else names.get(tool, "org.apache.kafka.tools." + tool)
        if tool not in ("StorageTool", "DumpLogSegments"):
            arguments = ("--bootstrap-server", bootstrap or self.bootstrap("INTERNAL"), *arguments)
        child = processes.spawn(self._java(JVM_TOOL, "error", name, *arguments), stdin=subprocess.PIPE,
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        printed, _ = child.communicate(stdin, timeout=120)
        if check and child.returncode:
            raise ToolFailed(printed)
        return printed

    @property
    def admin_client(self):
        """A confluent_kafka AdminClient on INTERNAL, for what must be quick."""
        if self._admin is None:
            from confluent_kafka.admin import AdminClient
            self._admin = AdminClient({"bootstrap.servers": self.bootstrap("INTERNAL"), "log_level": 0})
        return self._admin

    def topic(self, name, partitions=1, replicas=None, **settings):
        """Makes a topic, with settings such as cleanup_policy="compact"; its name. Needs confluent-kafka."""
        self.topics({name: settings}, partitions, replicas)
        return name

    def topics(self, settings_by_name, partitions=1, replicas=None):
        """Makes several at once. Needs confluent-kafka."""
        from confluent_kafka.admin import NewTopic
        replicas = min(3, len(self.nodes)) if replicas is None else replicas
        self._done(self.admin_client.create_topics([
            NewTopic(name, partitions, replicas,
                     config={key.replace("_", "."): str(value) for key, value in settings.items()})
            for name, settings in settings_by_name.items()]))
        eventually(lambda: self._led(settings_by_name, partitions), 120)

    def delete_topic(self, name):
        """Needs confluent-kafka."""
        self._done(self.admin_client.delete_topics([name]))
        eventually(lambda: name not in self.admin_client.list_topics(timeout=10).topics)

    def leader(self, topic, partition=0):
        """The number of the node that leads a partition. Needs confluent-kafka."""
        return self.admin_client.list_topics(topic, timeout=10).topics[topic].partitions[partition].leader

    def allow(self, principal, operation, resource, name, pattern="literal", deny=False):
        """Adds an ACL, such as allow("User:alice", "write", "topic", "orders"). Needs confluent-kafka."""
        from confluent_kafka.admin import (AclBinding, AclOperation, AclPermissionType, ResourcePatternType,
                                           ResourceType)
        resources = {"topic": ResourceType.TOPIC, "group": ResourceType.GROUP, "cluster": ResourceType.BROKER,
                     "transactional_id": ResourceType.TRANSACTIONAL_ID}
        self._done(self.admin_client.create_acls([AclBinding(
            resources[resource], name, ResourcePatternType[pattern.upper()], principal, "*",
            AclOperation[operation.upper()], AclPermissionType.DENY if deny else AclPermissionType.ALLOW)]))

    def configure(self, kind, name, **settings):
        """Sets settings of a topic, a broker or a group, such as share_auto_offset_reset="earliest". Needs confluent-kafka."""
        from confluent_kafka.admin import AlterConfigOpType, ConfigEntry, ConfigResource, ResourceType
        kinds = {"topic": ResourceType.TOPIC, "broker": ResourceType.BROKER, "group": ResourceType.GROUP}
        entries = [ConfigEntry(key.replace("_", "."), str(value), incremental_operation=AlterConfigOpType.SET)
                   for key, value in settings.items()]
        self._done(self.admin_client.incremental_alter_configs(
            [ConfigResource(kinds[kind], str(name), incremental_configs=entries)]))

    def _led(self, names, partitions):
        """Whether every partition's leader answers for it, which it may do only some time after it is named."""
        from confluent_kafka import KafkaException, TopicPartition
        from confluent_kafka.admin import OffsetSpec
        asked = {TopicPartition(name, partition): OffsetSpec.latest() for name in names for partition in range(partitions)}
        try:
            self._done(self.admin_client.list_offsets(asked, request_timeout=20))
        except KafkaException:
            # A client that has once seen a topic without leaders may go on believing it; a new one asks anew.
            self._admin = None
            return False
        return True

    @staticmethod
    def _done(futures):
        for future in futures.values():
            future.result(30)

    # Starting.

    def _class_archive(self):
        """The path of an archive of loaded classes, with which a broker starts in half the time; made once."""
        path = os.path.join(self.home, "broker.jsa")
        with open(path + ".lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not os.path.exists(path):
                self._make_class_archive(path)
        return path

    def _make_class_archive(self, path):
        with tempfile.TemporaryDirectory(prefix="signet-kafka-") as directory:
            cluster = Kafka(directory, version=self._version, jvm=(*JVM, "-XX:ArchiveClassesAtExit=" + path + ".new"))
            with cluster:
                cluster.stop_node()
        os.rename(path + ".new", path)

    def _java(self, flags, level, name, *arguments):
        return ["java", *flags, "-Dkafka.level=" + level,
                "-Dlog4j2.configurationFile=" + os.path.join(ROOT, "tools/kafka/log4j2.properties"),
                "-cp", os.path.join(self.home, "lib", "*"), name, *arguments]

    def _format(self):
        for node in self.nodes:
            os.makedirs(self.data(node), exist_ok=True)
            with open(self._properties(node), "w") as out:
                out.writelines("%s=%s\n" % item for item in sorted(self._settings(node).items()))
        if os.path.exists(os.path.join(self.data(), "meta.properties")):
            return
        scram = [word for user, password in self.users.items()
                 for mechanism in ("SCRAM-SHA-256", "SCRAM-SHA-512")
                 for word in ("--add-scram", "%s=[name=%s,password=%s]" % (mechanism, user, password))]
        self.admin("StorageTool", "format", "-t", self.cluster_id, "-c", self._properties(1), *scram)
        for node in self.nodes[1:]:
            self._copy_format(node)

    def _copy_format(self, node):
        """Formats another node by copying the first one's directory, which saves a JVM's start."""
        shutil.rmtree(self.data(node))
        shutil.copytree(self.data(1), self.data(node))
        path = os.path.join(self.data(node), "meta.properties")
        with open(path) as file:
            lines = file.read().splitlines()
        new = {"node.id": str(node), "directory.id": _random_id()}
        names = [line.partition("=")[0] for line in lines]
        with open(path, "w") as file:
            file.writelines("%s=%s\n" % (name, new[name]) if name in new else line + "\n"
                            for name, line in zip(names, lines))

    def _properties(self, node):
        return os.path.join(self.directory, "node-%d.properties" % node)

    def _launch(self, node):
        with open(self.log(node), "a") as out:
            self._children[node] = processes.spawn(
                self._java(self.jvm, "info", "kafka.Kafka", self._properties(node)),
                stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT)
            self._children[node].printed_before = out.tell()

    def _wait(self, node):
        child, deadline = self._children[node], time.monotonic() + START_SECONDS_MAX
        with open(self.log(node)) as log:
            log.seek(child.printed_before)
            printed = ""
            while "Kafka Server started" not in printed:
                if child.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError("node %d did not start:\n%s" % (node, printed[-4000:]))
                time.sleep(0.05)
                printed += log.read()

    # Settings.

    def _settings(self, node):
        replicas = min(3, len(self.nodes))
        settings = {
            "process.roles": "broker,controller",
            "node.id": node,
            "controller.quorum.voters": ",".join("%d@%s" % (n, self.address("CONTROLLER", n)) for n in self.nodes),
            "controller.listener.names": "CONTROLLER",
            "inter.broker.listener.name": "INTERNAL",
            "log.dirs": self.data(node),
            "auto.create.topics.enable": "false",
            "num.partitions": 1,
            "default.replication.factor": replicas,
            "group.initial.rebalance.delay.ms": 0,
            # Tests write timestamps of years ago, which the default of a week would delete within the minute.
            "log.retention.ms": -1,
            "log.cleaner.dedupe.buffer.size": 2097152,
            "delegation.token.secret.key": "for tests only",
            "super.users": "User:admin;User:ANONYMOUS",
            # The defaults spare a large cluster; here a test waits for each of these.
            "broker.session.timeout.ms": 6000,
            "broker.heartbeat.interval.ms": 500,
        }
        for kind in ("consumer", "share"):
            settings["group.%s.min.heartbeat.interval.ms" % kind] = 100
            settings["group.%s.heartbeat.interval.ms" % kind] = 300
            settings["group.%s.min.assignment.interval.ms" % kind] = 0
            settings["group.%s.assignment.interval.ms" % kind] = 0
        topics = {"offsets.topic": "num.partitions", "transaction.state.log": "num.partitions",
                  "share.coordinator.state.topic": "num.partitions"}
        for topic, partitions in topics.items():
            settings["%s.%s" % (topic, partitions)] = 4
            settings[topic + ".replication.factor"] = replicas
            settings[topic + ".min.isr"] = min(2, replicas)
        if self.acls:
            settings["authorizer.class.name"] = "org.apache.kafka.metadata.authorizer.StandardAuthorizer"
        settings.update(self._listener_settings(node))
        settings.update(self.extra)
        return settings

    def _listener_settings(self, node):
        own = {"CONTROLLER": "PLAINTEXT", "INTERNAL": "PLAINTEXT"}
        own.update({name: spec.security.upper() for name, spec in self.listeners.items()})
        advertised = {"INTERNAL": self.address("INTERNAL", node)}
        settings = {
            "listeners": ",".join("%s://%s" % (name, self.address(name, node)) for name in own),
            "listener.security.protocol.map": ",".join("%s:%s" % item for item in own.items()),
        }
        for name, spec in self.listeners.items():
            advertised[name] = spec.advertised(node) if spec.advertised else self.address(name, node)
            prefix = "listener.name.%s." % name.lower()
            one = {**self._tls_settings(node, spec), **self._sasl_settings(spec), **spec.settings}
            settings.update({prefix + key: value for key, value in one.items()})
        settings["advertised.listeners"] = ",".join("%s://%s" % item for item in advertised.items())
        return settings

    def _tls_settings(self, node, spec):
        if not spec.tls:
            return {}
        certificate = spec.certificate(node) if callable(spec.certificate) else spec.certificate
        certificate = certificate or self.authority.issue("broker-%d" % node)
        return {
            "ssl.keystore.type": "PEM",
            "ssl.keystore.location": certificate.store,
            "ssl.truststore.type": "PEM",
            "ssl.truststore.location": self.authority.ca,
            "ssl.client.auth": spec.client_certificates,
        }

    def _sasl_settings(self, spec):
        if not spec.sasl:
            return {}
        users = "".join(' user_%s="%s"' % item for item in self.users.items())
        modules = {
            "PLAIN": "plain.PlainLoginModule required%s;" % users,
            "SCRAM-SHA-256": "scram.ScramLoginModule required;",
            "SCRAM-SHA-512": "scram.ScramLoginModule required;",
            # Tokens are taken without a signature: this validator is Kafka's own, for tests.
            "OAUTHBEARER": 'oauthbearer.OAuthBearerLoginModule required unsecuredLoginStringClaim_sub="broker";',
        }
        settings = {"sasl.enabled.mechanisms": ",".join(spec.mechanisms)}
        for mechanism in spec.mechanisms:
            if mechanism in modules:
                settings[mechanism.lower() + ".sasl.jaas.config"] = LOGIN + modules[mechanism]
        return settings


def _random_id():
    """An identifier as Kafka writes them: 16 random bytes in base64, never with a leading dash."""
    while True:
        text = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        if not text.startswith("-"):
            return text
