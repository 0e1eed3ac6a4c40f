# SPDX-License-Identifier: Apache-2.0
"""kafka-python behind the contract of tests/clients/README.md."""

import logging
import os
import sys

from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.net.sasl.oauth import AbstractTokenProvider

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import frame

logging.disable(logging.CRITICAL)


class UnsecuredTokens(AbstractTokenProvider):
    def __init__(self, user):
        self.user = user

    def token(self):
        return frame.unsecured_token(self.user)


def common(job):
    client = job.client
    settings = {
        "bootstrap_servers": job.get("bootstrap").split(","),
        "client_id": client.get("id", "test-kafka-python"),
        "security_protocol": client.get("security", "plaintext").upper(),
        "ssl_check_hostname": client.get("verify_hostname", True),
        "bootstrap_timeout_ms": job.timeout_ms,
        "reconnect_backoff_max_ms": 500,
        "metrics_enabled": False,
    }
    names = {
        "mechanism": "sasl_mechanism",
        "username": "sasl_plain_username",
        "password": "sasl_plain_password",
        "ca": "ssl_cafile",
        "certificate": "ssl_certfile",
        "key": "ssl_keyfile",
    }
    settings.update({names[name]: client[name] for name in names if client.get(name) is not None})
    if client.get("mechanism") == "OAUTHBEARER":
        settings["sasl_oauth_token_provider"] = UnsecuredTokens(client["username"])
    return settings


def finish(job, settings):
    settings.update(job.client.get("native", {}).get("kafka_python", {}))
    return settings


def report(job, e, **fields):
    job.error(type(e).__name__, getattr(e, "errno", None), str(e), **fields)


def produce(job):
    settings = common(job)
    compression = job.get("compression", "none")
    settings.update({
        "acks": job.acks(),
        "compression_type": None if compression == "none" else compression,
        "enable_idempotence": job.get("idempotent", job.acks() == -1),
        "transactional_id": job.get("transactional_id"),
        "delivery_timeout_ms": job.timeout_ms,
        "request_timeout_ms": min(job.timeout_ms // 2, 10000),
        "max_block_ms": job.timeout_ms,
    })
    if job.grouped():
        settings.update({"linger_ms": job.timeout_ms // 2 - 1, "batch_size": 8 << 20, "max_request_size": 9 << 20})
    job.copy({"linger_ms": "linger_ms", "batch_bytes": "batch_size", "max_request_bytes": "max_request_size"}, settings)
    producer = KafkaProducer(**finish(job, settings))
    try:
        if job.get("transactions") is None:
            send(job, producer, job.get("records", []), 0)
        else:
            transact(job, producer)
    finally:
        producer.close(timeout=5)


def transact(job, producer):
    index = 0
    producer.init_transactions()
    for transaction in job.get("transactions"):
        producer.begin_transaction()
        index = send(job, producer, transaction["records"], index)
        if transaction["commit"]:
            producer.commit_transaction()
        else:
            producer.abort_transaction()


def send(job, producer, records, index):
    sent = []
    group = job.get("batch_records", sys.maxsize)
    for record in records:
        sent.append(producer.send(
            job.topic,
            key=frame.decode(record.get("key")),
            value=frame.decode(record.get("value")),
            headers=frame.headers_of(record),
            partition=record.get("partition"),
            timestamp_ms=record.get("timestamp"),
        ))
        if len(sent) % group == 0:
            producer.flush()
    producer.flush(job.timeout_ms / 1000)
    for i, future in enumerate(sent):
        answer(job, future, index + i)
    return index + len(sent)


def answer(job, future, index):
    try:
        made = future.get(timeout=5)
        job.answer(index=index, partition=made.partition, offset=made.offset)
    except Exception as e:
        report(job, e, index=index)


def consume(job):
    start = job.get("start", "earliest")
    settings = common(job)
    settings.update({
        "group_id": job.get("group"),
        "enable_auto_commit": False,
        "auto_offset_reset": start if job.get("group") and isinstance(start, str) else "earliest",
        "isolation_level": job.get("isolation", "read_uncommitted"),
    })
    job.copy({
        "fetch_min_bytes": "fetch_min_bytes",
        "fetch_max_bytes": "fetch_max_bytes",
        "partition_max_bytes": "max_partition_fetch_bytes",
        "max_wait_ms": "fetch_max_wait_ms",
        "max_poll_records": "max_poll_records",
    }, settings)
    consumer = KafkaConsumer(**finish(job, settings))
    try:
        if job.get("group"):
            consumer.subscribe([job.topic])
        else:
            assign(job, consumer, start)
        follow(job, consumer)
        if job.get("group") and job.get("commit", True) and not job.exit:
            consumer.commit()
    finally:
        consumer.close(autocommit=False, timeout_ms=5000)


def assign(job, consumer, start):
    # A topic of which nothing is known gets a first partition, so that asking for it says why.
    numbers = start if isinstance(start, dict) else consumer.partitions_for_topic(job.topic) or [0]
    partitions = [TopicPartition(job.topic, int(number)) for number in numbers]
    consumer.assign(partitions)
    if isinstance(start, dict):
        for partition in partitions:
            consumer.seek(partition, start[str(partition.partition)])
    elif isinstance(start, int):
        seek_to_time(consumer, partitions, start)
    elif start == "latest":
        consumer.seek_to_end(*partitions)
    else:
        consumer.seek_to_beginning(*partitions)


def seek_to_time(consumer, partitions, time):
    found = consumer.offsets_for_times({partition: time for partition in partitions})
    ends = consumer.end_offsets(partitions)
    for partition in partitions:
        consumer.seek(partition, found[partition].offset if found.get(partition) else ends[partition])


def follow(job, consumer):
    progress = frame.Progress(job)
    ready = False
    while progress.wanting():
        if not ready and consumer.assignment():
            for partition in consumer.assignment():
                consumer.position(partition)
            job.answer(ready=True)
            ready = True
        for partition, records in consumer.poll(timeout_ms=100).items():
            for record in records:
                job.record(record.partition, record.offset, record.timestamp, record.timestamp_type == 1,
                           record.key, record.value, record.headers)
                progress.took()
        to = progress.goes_to()
        if to is not None:
            consumer.seek(TopicPartition(job.topic, 0), to)


if __name__ == "__main__":
    frame.main(produce, consume)
