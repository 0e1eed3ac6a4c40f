# SPDX-License-Identifier: Apache-2.0
"""Kafka's own tools for administration through the gateway: they print what they print without it, and what they change is changed."""

import json
import re

import exchange
import pytest
from exchange import Endpoint
from gateway import Gateway, secure_gateway

TRANSACTIONAL_ID = "billing"


@pytest.fixture(scope="module")
def gateway(tmp_path_factory, kafka):
    with Gateway(tmp_path_factory.mktemp("gateway"), kafka) as running:
        yield running


@pytest.fixture(scope="module")
def used(gateway, kafka):
    """A topic that a group has read to its end, and a transaction has written to."""
    endpoint = Endpoint(gateway.bootstrap, kafka, by_batch=True)
    topic = endpoint.topic("administered", partitions=2)
    exchange.send(endpoint, "java", topic, exchange.plain_records(20), transactional_id=TRANSACTIONAL_ID,
                  transactions=[{"commit": True, "records": exchange.plain_records(20)}])
    exchange.receive(endpoint, "java", topic, 20, group="readers")
    return topic


# Of each a word that must be there: two empty answers are equal too.
READING = {
    "topics": ("TopicCommand", ["--list"], "administered"),
    "a topic": ("TopicCommand", ["--describe", "--topic", "TOPIC"], "PartitionCount: 2"),
    "configuration of a topic": ("ConfigCommand", ["--describe", "--all", "--entity-type", "topics", "--entity-name", "TOPIC"],
                                 "max.message.bytes"),
    "configuration of a broker": ("ConfigCommand", ["--describe", "--all", "--entity-type", "brokers", "--entity-name", "1"],
                                  "log.dirs"),
    "groups": ("ConsumerGroupCommand", ["--list"], "readers"),
    "a group": ("ConsumerGroupCommand", ["--describe", "--group", "readers"], "administered"),
    "the state of a group": ("ConsumerGroupCommand", ["--describe", "--group", "readers", "--state"], "readers"),
    "offsets": ("GetOffsetShell", ["--topic", "TOPIC"], ":0:"),
    "log directories": ("LogDirsCommand", ["--describe", "--topic-list", "TOPIC"], "offsetLag"),
    "transactions": ("TransactionsCommand", ["list"], TRANSACTIONAL_ID),
    "producers": ("TransactionsCommand", ["describe-producers", "--topic", "TOPIC", "--partition", "0"], "ProducerId"),
    "features": ("FeatureCommand", ["describe"], "metadata.version"),
    "the quorum": ("MetadataQuorumCommand", ["describe", "--status"], "LeaderId"),
}

# Moments and how far the controller has come.
MOVING = re.compile(r"(HighWatermark|LastTimestamp|MaxFollowerLagTimeMs|Epoch): *\d+")


@pytest.mark.parametrize("what", READING)
def test_reading(gateway, kafka, used, what):
    tool, arguments, word = READING[what]
    arguments = [used if argument == "TOPIC" else argument for argument in arguments]
    direct, through = (MOVING.sub("", kafka.admin(tool, *arguments, bootstrap=bootstrap))
                       for bootstrap in (None, gateway.bootstrap))
    assert word in direct
    # A coordinator stands there with the address at which clients reach it.
    assert through.replace("127.0.0.1:%d" % (gateway.node_base + 1), kafka.address("INTERNAL")) == direct


def test_a_transaction(gateway, kafka, used):
    def described(bootstrap=None):
        printed = kafka.admin("TransactionsCommand", "describe", "--transactional-id", TRANSACTIONAL_ID, bootstrap=bootstrap)
        names, values = (line.split("\t") for line in printed.strip("\n").splitlines())
        state = {name.strip(): value.strip() for name, value in zip(names, values)}
        return {name: value for name, value in state.items() if name != "TransactionDurationMs"}  # until now

    through = described(gateway.bootstrap)
    assert through["TransactionState"] == "CompleteCommit"
    assert through == described()


def test_versions(gateway, kafka):
    """Of the broker and the gateway, at the gateway's address for the node."""
    printed = kafka.admin("BrokerApiVersionsCommand", bootstrap=gateway.bootstrap)
    assert printed.startswith("127.0.0.1:%d (id: 1" % (gateway.node_base + 1))
    assert "Produce(0): 0 to" in printed


def test_a_topic_from_beginning_to_end(gateway, kafka):
    def through(tool, *arguments):
        return kafka.admin(tool, *arguments, bootstrap=gateway.bootstrap)

    through("TopicCommand", "--create", "--topic", "brief", "--partitions", "1", "--config", "retention.ms=600000")
    through("TopicCommand", "--alter", "--topic", "brief", "--partitions", "3")
    through("ConfigCommand", "--alter", "--entity-type", "topics", "--entity-name", "brief", "--add-config", "retention.ms=700000")
    described = kafka.admin("TopicCommand", "--describe", "--topic", "brief")
    assert "PartitionCount: 3" in described and "retention.ms=700000" in described
    through("TopicCommand", "--delete", "--topic", "brief")
    assert "brief" not in kafka.admin("TopicCommand", "--list").split()


def test_offsets_of_a_group_are_set(gateway, kafka, used):
    kafka.admin("ConsumerGroupCommand", "--reset-offsets", "--group", "readers", "--topic", used, "--to-offset", "3", "--execute",
                bootstrap=gateway.bootstrap)
    rows = [line.split() for line in kafka.admin("ConsumerGroupCommand", "--describe", "--group", "readers").splitlines()]
    assert {row[2]: row[3] for row in rows if row and row[0] == "readers"} == {"0": "3", "1": "0"}, "the second has no records"


def test_records_are_deleted(gateway, kafka, tmp_path):
    """And what is left is read from where it begins."""
    endpoint = Endpoint(gateway.bootstrap, kafka, by_batch=True)
    topic = endpoint.topic("shortened")
    records = exchange.plain_records(6)
    for record in records:
        exchange.send(endpoint, "librdkafka", topic, [record])
    path = tmp_path / "offsets.json"
    path.write_text(json.dumps({"version": 1, "partitions": [{"topic": topic, "partition": 0, "offset": 4}]}))
    assert "low_watermark: 4" in kafka.admin("DeleteRecordsCommand", "--offset-json-file", path, bootstrap=gateway.bootstrap)
    assert [record.offset for record in exchange.receive(endpoint, "java", topic, 2).records] == [4, 5]
    assert not gateway.events("batch-refused", topic=topic)


def test_access_is_granted(tmp_path, secure_kafka, authority):
    """The administrator is known by name at the broker, which refuses anybody else."""
    with secure_gateway(tmp_path / "gateway", secure_kafka, authority) as gateway:
        for user, allowed in (("admin", True), ("mallory", False)):
            properties = tmp_path / (user + ".properties")
            properties.write_text("\n".join([
                "security.protocol=SASL_SSL", "ssl.truststore.type=PEM", "ssl.truststore.location=%s" % authority.ca,
                "sasl.mechanism=SCRAM-SHA-512",
                "sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required "
                'username="%s" password="%s-secret";' % (user, user)]))
            topic = "granted-by-" + user
            printed = secure_kafka.admin("AclCommand", "--command-config", properties, "--add", "--allow-principal", "User:carol",
                                         "--operation", "Read", "--topic", topic, bootstrap=gateway.bootstrap, check=False)
            listed = secure_kafka.admin("AclCommand", "--list", "--topic", topic)
            assert ("User:carol" in listed) == allowed, printed
            assert allowed or "ClusterAuthorizationException" in printed, printed
