# SPDX-License-Identifier: Apache-2.0
"""A gateway that keeps a ledger, and its logs as the second implementation (tests/vectors/ledger.py) reads them."""

import base64
import collections
import os

import ledger
from exchange import Endpoint
from gateway import Gateway

INTERVAL_MS = 300
FRAME_HEADER = 12


class Keeper(Gateway):
    """A gateway that keeps a ledger in the folder `ledger` beside its configuration."""

    def __init__(self, directory, kafka, ledger_settings=None, settings=None, **options):
        self.ledger_directory = os.path.join(str(directory), "ledger")
        os.makedirs(self.ledger_directory, exist_ok=True)
        kept = {"directory": self.ledger_directory, "interval": "%dms" % INTERVAL_MS, **(ledger_settings or {})}
        super().__init__(directory, kafka, settings={"ledger": kept, **(settings or {})}, **options)

    def start(self):
        if os.path.exists(self.log_path):
            os.truncate(self.log_path, 0)  # What it says is this process's.
        return super().start()

    def endpoint(self):
        return Endpoint(self.bootstrap, self.kafka, by_batch=True)

    def logs(self, directory=None):
        """The records of each log by its instance, whole, authentic and one behind the other."""
        directory = directory or self.ledger_directory
        writers = {self.public_bytes(name) for name in self.trusted}
        found = collections.defaultdict(list)
        for name in sorted(os.listdir(directory)):
            if not name.endswith(".ledger"):
                continue
            with open(os.path.join(directory, name), "rb") as file:
                records, end = ledger.read_file(file.read())
            # A living process may be about to write a file's first record, or in the middle of one.
            assert self.child or (end == "whole" and records), (name, end)
            for data in records:
                word, record = ledger.word_of(data, self.kafka.cluster_id.encode(), writers)
                assert word == "authentic", (name, word)
                before = found[name[:32]]
                if not before or record.checkpoint != before[-1].checkpoint:  # Else it was written again.
                    before.append(record)
        for instance, records in found.items():
            check_chain(instance, records)
        return found

    def public_bytes(self, name):
        """Of a writer's key file (spec/key-files.md): a word, the key with a checksum behind it, and the name."""
        return base64.b64decode(self.keys.public(name).split()[1])[:32]


def check_chain(instance, records):
    tree = ledger.Tree()
    for number, record in enumerate(records):
        assert record.number == number and record.first == tree.size and record.frontier == [one for _, one in tree.subtrees], instance
        for leaf in record.raw_leaves:
            tree.append(ledger.leaf_hash(leaf))
        assert tree.root() == record.checkpoint.root
    assert all(record.leaves[-1]["kind"] == "interval" for record in records[:-1])


def frames(path):
    """Those of a ledger's file, headers included, in their order."""
    with open(path, "rb") as file:
        data = file.read()
    found = []
    while data:
        size = FRAME_HEADER + int.from_bytes(data[:4], "big")
        found.append(data[:size])
        data = data[size:]
    return found
