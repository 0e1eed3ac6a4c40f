# SPDX-License-Identifier: Apache-2.0
"""Many connections that all move 64 KiB batches through a gateway, and how much memory it takes meanwhile."""

import threading
import time

from confluent_kafka import Consumer, Producer, TopicPartition


def _produce(bootstrap, topic, partition, until):
    producer = Producer({"bootstrap.servers": bootstrap, "linger.ms": 5, "batch.size": 65536, "acks": "all",
                         "queue.buffering.max.kbytes": 2048})
    value = bytes(range(256)) * 4
    while time.monotonic() < until:
        try:
            for _ in range(64):
                producer.produce(topic, value, partition=partition)
        except BufferError:
            pass
        producer.poll(0.05)
    producer.flush(10)


def _consume(bootstrap, topic, partition, until):
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "busy-%d" % partition, "enable.auto.commit": False,
                         "queued.max.messages.kbytes": 2048, "fetch.message.max.bytes": 65536 * 2})
    consumer.assign([TopicPartition(topic, partition, 0)])
    while time.monotonic() < until:
        consumer.consume(500, 0.2)
    consumer.close()


def busy_connections(kafka, gateway, connections, seconds):
    """The largest resident size seen, in bytes. Each client has one busy connection, and one or two idle ones beside it."""
    topic = "busy"
    kafka.topic(topic, partitions=connections // 2)
    until = time.monotonic() + seconds
    threads = [threading.Thread(target=work, args=(gateway.bootstrap, topic, number, until))
               for number in range(connections // 2) for work in (_produce, _consume)]
    for thread in threads:
        thread.start()
    largest = 0
    while any(thread.is_alive() for thread in threads):
        largest = max(largest, gateway.resident_bytes())
        time.sleep(0.1)
    return largest
