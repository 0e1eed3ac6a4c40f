#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Gives partitions other replicas. A program of its own, for its client's package and the tests' module share the name kafka.

usage: reassign.py BOOTSTRAP TOPIC REPLICAS     with REPLICAS a JSON list of one list of nodes for each partition
"""

import json
import sys
import time

from kafka import KafkaAdminClient, TopicPartition
from kafka.errors import KafkaError

# A controller that has just died is named for a while.
SECONDS_MAX = 60

bootstrap, topic, replicas = sys.argv[1:]
wanted = {TopicPartition(topic, partition): nodes for partition, nodes in enumerate(json.loads(replicas))}


def reassign():
    admin = KafkaAdminClient(bootstrap_servers=bootstrap.split(","))
    try:
        return {str(place): error.__name__ for place, error in admin.alter_partition_reassignments(wanted).items() if error}
    finally:
        admin.close()


deadline = time.monotonic() + SECONDS_MAX
while True:
    try:
        errors = reassign()
        sys.exit(json.dumps(errors) if errors else 0)
    except KafkaError:
        if time.monotonic() > deadline:
            raise
    time.sleep(0.2)
