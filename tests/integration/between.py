# SPDX-License-Identifier: Apache-2.0
"""What stands between a gateway and its one broker, sees every frame, and can hold answers back or swallow them."""

import collections
import struct
import threading

import relay
import segment


class Between(relay.Relay):
    """Between the gateway and the one broker: sees every frame, and can hold responses back or swallow them."""

    def __init__(self, kafka):
        super().__init__(kafka.port())
        self.flowing = threading.Event()
        self.flowing.set()
        self.swallow_every = 0
        self.swallowed = 0
        self.produced = {}  # by producer id, epoch and sequence: all the bytes with which such a batch went out

    def settings(self, **more):
        """The gateway's, so that it reaches the broker here and nowhere else."""
        return {"cluster": {"bootstrap-servers": [self.address], "nodes": [{"id": 1, "address": self.address}]}, **more}

    def edits(self):
        asked = collections.deque()
        return relay._Frames(lambda frame: self._request(asked, frame)), relay._Frames(lambda frame: self._response(asked, frame))

    def _request(self, asked, frame):
        api, _ = struct.unpack_from(">hh", frame)
        asked.append(api)
        if api == relay.PRODUCE:
            batch = last_batch(frame)
            if batch and batch.producer_id >= 0:
                key = batch.producer_id, batch.producer_epoch, batch.base_sequence
                self.produced.setdefault(key, []).append(batch.data)

    def _response(self, asked, frame):
        self.flowing.wait(20)
        if asked.popleft() == relay.PRODUCE and self.swallow_every:
            self.swallow_every -= 1
            if self.swallow_every == 0:
                self.swallow_every = 5
                self.swallowed += 1
                raise ConnectionResetError("swallowed")


def last_batch(frame):
    """The batch at the end of a Produce request of one partition: nothing but empty tags follows it."""
    end = len(frame) - 3
    for at in range(end - segment.HEADER_BYTES):
        if struct.unpack_from(">i", frame, at + 8)[0] == end - at - 12 and frame[at + 16] == 2:
            return segment.Batch(bytes(frame[at:end]))
    return None
