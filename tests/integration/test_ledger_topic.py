# SPDX-License-Identifier: Apache-2.0
"""The ledger that a gateway keeps in a Kafka topic, beside a directory or instead of it."""

import json
import os
import shutil
import time

import exchange
import ledger
import pytest
from confluent_kafka import Consumer, TopicPartition
from gateway import signet
from kafka import Kafka
from keeper import Keeper, check_chain
from processes import eventually
from test_gateway_ledger import check_entered, leaves


def topic_settings(name, cluster, listener="CLIENT", **more):
    return {"name": name, "bootstrap-servers": cluster.bootstrap(listener).split(","), **more}


def messages(cluster, topic, partitions=1):
    """All that the topic has by now, as (partition, key, value), by offset."""
    consumer = Consumer({"bootstrap.servers": cluster.bootstrap(), "group.id": "reader"})
    places = [TopicPartition(topic, partition, 0) for partition in range(partitions)]
    count = sum(consumer.get_watermark_offsets(place, timeout=30)[1] for place in places)
    consumer.assign(places)
    try:
        found = consumer.consume(count, timeout=30) if count else []
    finally:
        consumer.close()
    assert len(found) == count and not any(message.error() for message in found)
    return [(message.partition(), message.key(), message.value()) for message in found]


def logs_of(gateway, found):
    """The records of each log by its instance, authentic, in one partition, whole and in order; repeated ones once."""
    writers, logs, partitions, seen = {gateway.public_bytes(name) for name in gateway.trusted}, {}, {}, set()
    for partition, key, value in found:
        word, record = ledger.word_of(value, gateway.kafka.cluster_id.encode(), writers)
        assert word == "authentic", word
        instance = key.decode().rsplit("/", 1)[1]
        assert value.find(key) > 0 and partitions.setdefault(instance, partition) == partition
        if value not in seen:
            logs.setdefault(instance, []).append(record)
        seen.add(value)
    for instance, records in logs.items():
        check_chain(instance, records)
    return logs


def frames(directory):
    """The records of all files of a directory, byte for byte."""
    found = []
    for name in sorted(os.listdir(directory)):
        if name.endswith(".ledger"):
            with open(os.path.join(directory, name), "rb") as file:
                records, end = ledger.read_file(file.read())
            assert end == "whole"
            found += records
    return found


def unique(found):
    return list(dict.fromkeys(value for _, _, value in found))


def test_directory_and_topic_agree(tmp_path, kafka):
    kafka.topic("ledger-both", partitions=3)
    with Keeper(tmp_path, kafka, {"topic": topic_settings("ledger-both", kafka)}) as gateway:
        endpoint = gateway.endpoint()
        topic = endpoint.topic("both")
        exchange.send(endpoint, "librdkafka", topic, exchange.plain_records(20), batch_records=4)
    found = messages(kafka, "ledger-both", 3)
    assert unique(found) == frames(gateway.ledger_directory)
    logs = logs_of(gateway, found)
    assert len(logs) == 1 and check_entered(logs, kafka, topic) >= 1
    assert len(leaves(logs, "closing")) == 1


class TopicOnly(Keeper):
    """A gateway whose ledger is nowhere but in a topic."""

    def __init__(self, directory, kafka, topic, **options):
        super().__init__(directory, kafka, settings={"ledger": {"interval": "300ms", "topic": topic}}, **options)


def test_topic_alone(tmp_path, kafka):
    kafka.topic("ledger-alone")
    with TopicOnly(tmp_path, kafka, topic_settings("ledger-alone", kafka)) as gateway:
        endpoint = gateway.endpoint()
        topic = endpoint.topic("alone")
        exchange.send(endpoint, "librdkafka", topic, exchange.plain_records(5))
    logs = logs_of(gateway, messages(kafka, "ledger-alone"))
    assert check_entered(logs, kafka, topic) and len(leaves(logs, "closing")) == 1


def test_the_next_server_is_tried(tmp_path, kafka):
    kafka.topic("ledger-servers")
    settings = topic_settings("ledger-servers", kafka)
    settings["bootstrap-servers"].insert(0, "127.0.0.1:1")
    with TopicOnly(tmp_path, kafka, settings) as gateway:
        eventually(lambda: len(messages(kafka, "ledger-servers")) > 1)
        assert not gateway.events("ledger-not-written")


def test_a_killed_broker(tmp_path, kafka):
    """Records wait for the broker; then the same bytes arrive, in order, without a gap."""
    with Kafka(tmp_path / "other") as other:
        other.topic("ledger-killed")
        with Keeper(tmp_path, kafka, {"topic": topic_settings("ledger-killed", other)}) as gateway:
            endpoint = gateway.endpoint()
            topic = endpoint.topic("killed-broker")
            exchange.send(endpoint, "librdkafka", topic, exchange.plain_records(5))
            other.kill()
            eventually(lambda: gateway.events("ledger-not-written"))
            exchange.send(endpoint, "librdkafka", topic, exchange.plain_records(5))
            other.start_node()
            eventually(lambda: gateway.events("ledger-written-again"), 60)
        found = messages(other, "ledger-killed")
        assert unique(found) == frames(gateway.ledger_directory)
        logs = logs_of(gateway, found)
        assert len(logs) == 1 and check_entered(logs, kafka, topic)


def why_not_started(gateway):
    try:
        gateway.start()
    except AssertionError as error:
        return str(error)
    finally:
        gateway.stop(check=False)
    raise AssertionError("it started")


def test_unknown_topic(tmp_path, kafka):
    gateway = TopicOnly(tmp_path, kafka, topic_settings("ledger-absent", kafka))
    assert "topic ledger-absent: there is no such topic" in why_not_started(gateway)


def test_client_certificate(tmp_path, kafka, secure_kafka, authority):
    """Over TLS; without an ACL the log says so, and with one the records are stored."""
    certificate = authority.issue("ledger-writer", hosts=())
    tls = {"ca": authority.ca, "certificate": certificate.certificate, "key": certificate.key}
    secure_kafka.topic("ledger-secure")
    gateway = TopicOnly(tmp_path, kafka, topic_settings("ledger-secure", secure_kafka, "MUTUAL", tls=tls))
    assert "topic ledger-secure: not allowed" in why_not_started(gateway)
    for operation in ("write", "describe"):
        secure_kafka.allow("User:CN=ledger-writer", operation, "topic", "ledger-secure")
    with gateway:
        assert gateway.events("ledger-begun")
    assert not gateway.events("ledger-not-written") and gateway.events("ledger-closed")
    with open(secure_kafka.segments("ledger-secure")[0], "rb") as file:
        assert file.read().count(b"SGNL") >= 2


def test_another_authority_is_refused(tmp_path, kafka, secure_kafka):
    gateway = TopicOnly(tmp_path, kafka, topic_settings("ledger-secure", secure_kafka, "MUTUAL", tls={"enabled": True}))
    assert "certificate" in why_not_started(gateway)


def logging_in(directory, kafka, secure_kafka, authority, topic, listener="SECURE", mechanism="SCRAM-SHA-512",
               password=None, mode=0o600):
    """A gateway whose ledger's topic wants alice's password."""
    path = directory / "password"
    path.write_text((secure_kafka.users["alice"] if password is None else password) + "\n")
    path.chmod(mode)
    sasl = {"mechanism": mechanism, "username": "alice", "password-file": str(path)}
    return TopicOnly(directory, kafka, topic_settings(topic, secure_kafka, listener, tls={"ca": authority.ca}, sasl=sasl))


def stored(secure_kafka, topic):
    with open(secure_kafka.segments(topic)[0], "rb") as file:
        return file.read().count(b"SGNL")


@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"])
def test_password(tmp_path, kafka, secure_kafka, authority, mechanism):
    topic = secure_kafka.topic("ledger-" + mechanism.lower())
    with logging_in(tmp_path, kafka, secure_kafka, authority, topic, mechanism=mechanism) as gateway:
        assert gateway.events("ledger-begun")
    assert not gateway.events("ledger-not-written") and gateway.events("ledger-closed")
    assert stored(secure_kafka, topic) >= 2
    assert secure_kafka.users["alice"] not in gateway.log()


@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"])
def test_wrong_password(tmp_path, kafka, secure_kafka, authority, mechanism):
    gateway = logging_in(tmp_path, kafka, secure_kafka, authority, "ledger-any", mechanism=mechanism, password="wrong-one")
    why = why_not_started(gateway)
    assert "username or password is wrong (SASL %s)" % mechanism in why and "wrong-one" not in why


def test_mechanism_that_is_not_offered(tmp_path, kafka, secure_kafka, authority):
    gateway = logging_in(tmp_path, kafka, secure_kafka, authority, "ledger-any", "BRIEF", "SCRAM-SHA-256")
    assert "it does not offer this mechanism (SASL SCRAM-SHA-256)" in why_not_started(gateway)


def test_listener_without_sasl(tmp_path, kafka, secure_kafka, authority):
    path = tmp_path / "password"
    path.write_text("any")
    path.chmod(0o600)
    sasl = {"mechanism": "SCRAM-SHA-512", "username": "alice", "password-file": str(path)}
    gateway = TopicOnly(tmp_path, kafka, topic_settings("ledger-any", kafka, sasl=sasl))
    assert "this listener of it is without SASL" in why_not_started(gateway)


def test_password_that_others_can_read(tmp_path, kafka, secure_kafka, authority):
    gateway = logging_in(tmp_path, kafka, secure_kafka, authority, "ledger-any", mode=0o644)
    why = why_not_started(gateway)
    assert "ledger.topic.sasl.password-file" in why and "others than its owner have access to this secret" in why


@pytest.mark.parametrize("name, content, mode, key, why", (
    ("ca.pem", None, None, "tls.ca", "No such file"),
    ("ca.pem", "nothing", 0o644, "tls.ca", "ca.pem"),
    ("own.pem", None, None, "tls.certificate", "No such file"),
    ("own.key", None, None, "tls.key", "No such file"),
    ("own.key", "", 0o644, "tls.key", "own.key"),
    ("password", None, None, "sasl.password-file", "No such file"),
    ("password", "any", 0o644, "sasl.password-file", "others than its owner"),
    ("password", "one\ntwo\n", 0o600, "sasl.password-file", "one line"),
    ("password", "x" * 2000, 0o600, "sasl.password-file", "limit"),
), ids=lambda value: str(value)[:20])
def test_check(tmp_path, kafka, authority, name, content, mode, key, why):
    """`signet check` says of each file of the ledger's topic what keeps a gateway from starting, under its key."""
    issued = authority.issue("ledger-check", hosts=())
    for file, source in (("ca.pem", issued.ca), ("own.pem", issued.certificate), ("own.key", issued.key)):
        shutil.copy(source, tmp_path / file)
    (tmp_path / "password").write_text("right")
    for file in ("own.key", "password"):
        (tmp_path / file).chmod(0o600)
    tls = {"ca": str(tmp_path / "ca.pem"), "certificate": str(tmp_path / "own.pem"), "key": str(tmp_path / "own.key")}
    sasl = {"mechanism": "PLAIN", "username": "alice", "password-file": str(tmp_path / "password")}
    gateway = TopicOnly(tmp_path / "gateway", kafka, topic_settings("ledger-check", kafka, tls=tls, sasl=sasl))
    gateway.write()
    assert json.loads(signet("check", "--json", gateway.config_path).stdout)["errors"] == 0
    if content is None:
        (tmp_path / name).unlink()
    else:
        (tmp_path / name).write_text(content)
        (tmp_path / name).chmod(mode)
    done = signet("check", "--json", gateway.config_path, check=False)
    errors = [finding for finding in json.loads(done.stdout)["findings"] if finding["severity"] == "error"]
    assert done.returncode == 1 and [finding["key"] for finding in errors] == ["ledger.topic." + key]
    assert why in errors[0]["text"], errors


def test_logins_that_end(tmp_path, kafka, secure_kafka, authority):
    """The broker ends sessions after 1.5 s, and no record notices."""
    topic = secure_kafka.topic("ledger-brief")
    with logging_in(tmp_path, kafka, secure_kafka, authority, topic, "BRIEF") as gateway:
        time.sleep(5)
    assert not gateway.events("ledger-not-written") and gateway.events("ledger-closed")
    assert stored(secure_kafka, topic) > 10
