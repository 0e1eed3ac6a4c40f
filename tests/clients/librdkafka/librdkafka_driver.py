# SPDX-License-Identifier: Apache-2.0
"""librdkafka, through its Python binding, behind the contract of tests/clients/README.md."""

import os
import sys

import confluent_kafka
from confluent_kafka import OFFSET_BEGINNING, OFFSET_END, KafkaError, KafkaException, TopicPartition

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import frame

# The client repairs these by itself; anything else that it reports ends a job.
PASSING = {
    KafkaError._TRANSPORT,
    KafkaError._RESOLVE,
    KafkaError._ALL_BROKERS_DOWN,
    KafkaError._TIMED_OUT,
    KafkaError._PARTITION_EOF,
}


def common(job, errors):
    client = job.client
    settings = {
        "bootstrap.servers": job.get("bootstrap"),
        "client.id": client.get("id", "test-librdkafka"),
        "security.protocol": client.get("security", "plaintext"),
        "reconnect.backoff.max.ms": 500,
        "error_cb": errors.append,
        "log_level": 0,
    }
    names = {
        "mechanism": "sasl.mechanism",
        "username": "sasl.username",
        "password": "sasl.password",
        "ca": "ssl.ca.location",
        "certificate": "ssl.certificate.location",
        "key": "ssl.key.location",
    }
    settings.update({names[name]: client[name] for name in names if client.get(name) is not None})
    if client.get("mechanism") == "OAUTHBEARER":
        settings["enable.sasl.oauthbearer.unsecure.jwt"] = True
        settings["sasl.oauthbearer.config"] = "principal=%s" % client["username"]
    if client.get("verify_hostname") is False:
        settings["ssl.endpoint.identification.algorithm"] = "none"
    return settings


def finish(job, settings):
    settings.update(job.client.get("native", {}).get("librdkafka", {}))
    return settings


def report(job, error, **fields):
    job.error(error.name(), error.code(), error.str(), **fields)


def fatal(errors):
    """The first of the reported errors that will not pass, if any."""
    return next((e for e in errors if e.fatal() or e.code() not in PASSING), None)


def produce(job):
    errors = []
    settings = common(job, errors)
    settings.update({
        "acks": job.acks(),
        "compression.type": job.get("compression", "none"),
        "linger.ms": 0,
        "message.timeout.ms": job.timeout_ms,
    })
    if job.grouped():
        settings.update({"linger.ms": job.timeout_ms - 1, "batch.num.messages": 1000000, "batch.size": 8 << 20})
    job.copy({
        "idempotent": "enable.idempotence",
        "transactional_id": "transactional.id",
        "linger_ms": "linger.ms",
        "batch_bytes": "batch.size",
        "max_request_bytes": "message.max.bytes",
    }, settings)
    if job.get("transactional_id"):
        settings["transaction.timeout.ms"] = max(job.timeout_ms, 1000)
    producer = confluent_kafka.Producer(finish(job, settings))
    try:
        if job.grouped():
            # Records that wait for the topic to be known are queued one by one when it is, and a flush sends the first alone.
            producer.list_topics(job.topic, job.timeout_ms / 1000)
        if job.get("transactions") is None:
            send(job, producer, job.get("records", []), 0)
        else:
            transact(job, producer)
    except KafkaException as e:
        report(job, e.args[0])
    for error in filter(None, [fatal(errors)] if job.exit else []):
        report(job, error)


def transact(job, producer):
    index = 0
    producer.init_transactions(job.timeout_ms / 1000)
    for transaction in job.get("transactions"):
        producer.begin_transaction()
        index = send(job, producer, transaction["records"], index)
        if transaction["commit"]:
            producer.commit_transaction(job.timeout_ms / 1000)
        else:
            producer.abort_transaction(job.timeout_ms / 1000)


def send(job, producer, records, index):
    answers = [None] * len(records)
    group = job.get("batch_records", sys.maxsize)
    for i, record in enumerate(records):
        send_one(job, producer, record, lambda error, message, i=i: answers.__setitem__(i, (error, message)))
        if (i + 1) % group == 0:
            producer.flush(job.timeout_ms / 1000)
    producer.flush(job.timeout_ms / 1000 + 1)
    for i, (error, message) in enumerate(answers):
        if error is None:
            offset = message.offset()
            job.answer(index=index + i, partition=message.partition(), offset=-1 if offset is None else offset)
        else:
            report(job, error, index=index + i)
    return index + len(records)


def send_one(job, producer, record, done):
    placed = {}
    if record.get("partition") is not None:
        placed["partition"] = record["partition"]
    if record.get("timestamp") is not None:
        placed["timestamp"] = record["timestamp"]
    producer.produce(
        job.topic,
        key=frame.decode(record.get("key")),
        value=frame.decode(record.get("value")),
        headers=frame.headers_of(record),
        on_delivery=done,
        **placed,
    )


def consumer_settings(job, errors):
    settings = common(job, errors)
    settings["group.id"] = job.get("group", "unused")
    job.copy({
        "fetch_min_bytes": "fetch.min.bytes",
        "fetch_max_bytes": "fetch.max.bytes",
        "partition_max_bytes": "max.partition.fetch.bytes",
        "max_wait_ms": "fetch.wait.max.ms",
    }, settings)
    if settings.get("fetch.max.bytes", 1 << 30) < 1000000:
        settings["message.max.bytes"] = max(1000, settings["fetch.max.bytes"])
    return settings


def consume(job):
    if job.get("share"):
        consume_share(job)
    else:
        consume_log(job)


def consume_log(job):
    errors = []
    settings = consumer_settings(job, errors)
    start = job.get("start", "earliest")
    settings.update({
        "enable.auto.commit": False,
        "enable.partition.eof": False,
        "isolation.level": job.get("isolation", "read_uncommitted"),
        "auto.offset.reset": start if job.get("group") and isinstance(start, str) else "error",
        "check.crcs": True,
    })
    if job.get("group"):
        settings["group.protocol"] = job.get("group_protocol", "classic")
    consumer = confluent_kafka.Consumer(finish(job, settings))
    try:
        if job.get("group"):
            consumer.subscribe([job.topic], on_assign=lambda c, _: job.answer(ready=True))
        else:
            consumer.assign(positions(job, consumer))
            job.answer(ready=True)
        follow(job, consumer, errors)
        if job.get("group") and job.get("commit", True) and not job.exit:
            consumer.commit(asynchronous=False)
    except KafkaException as e:
        report(job, e.args[0])
    finally:
        consumer.close()


def positions(job, consumer):
    start, timeout = job.get("start", "earliest"), job.timeout_ms / 1000
    if isinstance(start, dict):
        return [TopicPartition(job.topic, int(partition), offset) for partition, offset in start.items()]
    topic = consumer.list_topics(job.topic, timeout).topics[job.topic]
    if topic.error:
        raise KafkaException(topic.error)
    if isinstance(start, int):
        return consumer.offsets_for_times([TopicPartition(job.topic, p, start) for p in topic.partitions], timeout)
    # The end is looked up at once, so that what is produced after the ready line is surely read.
    at = {p: OFFSET_BEGINNING if start == "earliest" else
          consumer.get_watermark_offsets(TopicPartition(job.topic, p), timeout)[1] for p in topic.partitions}
    return [TopicPartition(job.topic, p, offset) for p, offset in at.items()]


def follow(job, consumer, errors):
    progress = frame.Progress(job)
    while progress.wanting():
        for message in consumer.consume(500, 0.1):
            if message.error() is None:
                take(job, progress, message)
            elif message.error().code() not in PASSING:
                return report(job, message.error(), partition=message.partition())
        if fatal(errors):
            return report(job, fatal(errors))
        to = progress.goes_to()
        if to is not None:
            consumer.seek(TopicPartition(job.topic, 0, to))


def take(job, progress, message):
    kind, time = message.timestamp()
    job.record(message.partition(), message.offset(), time, kind == confluent_kafka.TIMESTAMP_LOG_APPEND_TIME,
               message.key(), message.value(), message.headers())
    progress.took()


def consume_share(job):
    errors = []
    consumer = confluent_kafka.ShareConsumer(finish(job, consumer_settings(job, errors)))
    progress = frame.Progress(job)
    try:
        consumer.subscribe([job.topic])
        job.answer(ready=True)
        while progress.wanting():
            for message in consumer.poll(0.1):
                if message.error() is not None:
                    return report(job, message.error(), partition=message.partition())
                take(job, progress, message)
            if fatal(errors):
                return report(job, fatal(errors))
        consumer.commit_sync(job.timeout_ms / 1000)
    finally:
        consumer.close()


if __name__ == "__main__":
    frame.main(produce, consume)
