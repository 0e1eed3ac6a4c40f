# SPDX-License-Identifier: Apache-2.0
"""Relays on loopback between clients and a broker.

`Relay` passes bytes on as they come: the least that can stand there. `RefusingRelay` also puts an error of its own into
Produce or Fetch responses, which a stock broker can hardly be brought to give; so it shows what clients make of that.
"""

import collections
import socket
import struct
import threading

import processes

PRODUCE, FETCH = 0, 1


class Relay:
    """Listens at `address` and connects to the local port `upstream` for each client, while in its with block."""

    def __init__(self, upstream=None):
        self.port = processes.ports(1)[0]
        self.address = "127.0.0.1:%d" % self.port
        self.upstream = upstream
        self.connections = 0
        self._open = set()

    def __enter__(self):
        self._listening = socket.create_server(("127.0.0.1", self.port))
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_):
        _shut(self._listening)
        self.cut()

    def cut(self):
        """Breaks all connections, in the middle of whatever they carry."""
        for connection in list(self._open):
            _shut(connection)

    def edits(self):
        """Two functions for a new connection, through which what clients and brokers say goes, piece by piece."""
        return (lambda data: data), (lambda data: data)

    def _accept(self):
        while True:
            try:
                client, _ = self._listening.accept()
                broker = socket.create_connection(("127.0.0.1", self.upstream))
            except OSError:
                if self._listening.fileno() < 0:
                    return
                continue
            self.connections += 1
            for source, sink, edit in zip((client, broker), (broker, client), self.edits()):
                self._open.add(source)
                threading.Thread(target=self._pass, args=(source, sink, edit), daemon=True).start()

    def _pass(self, source, sink, edit):
        try:
            while data := source.recv(1 << 16):
                sink.sendall(edit(data))
        except OSError:
            pass
        _shut(source)
        _shut(sink)
        self._open.discard(source)


def _shut(connection):
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass
    connection.close()


class RefusingRelay(Relay):
    """Answers every Produce or Fetch (`api`) with the error `code` for its first partition."""

    def __init__(self, api, code, upstream=None):
        super().__init__(upstream)
        self.api, self.code = api, code

    def edits(self):
        asked = collections.deque()
        return _Frames(lambda frame: self._note(asked, frame)), _Frames(lambda frame: self._refuse(asked, frame))

    def _note(self, asked, frame):
        api, version = struct.unpack_from(">hh", frame)
        # A Produce without acknowledgement has no response, but no test here sends one.
        asked.append((api, version))

    def _refuse(self, asked, frame):
        api, version = asked.popleft()
        if api == self.api:
            at = _first_error(api, version, frame)
            if at is not None:
                struct.pack_into(">h", frame, at, self.code)


class _Frames:
    """Gathers Kafka's frames from pieces, and hands on each whole one after `visit` has seen and may have changed it."""

    def __init__(self, visit):
        self.visit = visit
        self.data = bytearray()

    def __call__(self, piece):
        self.data += piece
        out = bytearray()
        while len(self.data) >= 4:
            length = struct.unpack_from(">i", self.data)[0]
            if len(self.data) < 4 + length:
                break
            frame = self.data[4:4 + length]
            self.visit(frame)
            out += struct.pack(">i", length) + frame
            del self.data[:4 + length]
        return bytes(out)


def _first_error(api, version, frame):
    """Where a response has the error code of its first partition; None where it has no partition."""
    flexible = version >= (9 if api == PRODUCE else 12)
    # The correlation id, the header's tags, and in a Fetch response the throttle time, an error and the session.
    at = 4 + flexible + (10 if api == FETCH else 0)
    if flexible:
        if frame[at] <= 1:
            return None
        by_id = version >= 13
        at += 1 + (16 if by_id else frame[at + 1])
    else:
        if struct.unpack_from(">i", frame, at)[0] == 0:
            return None
        at += 6 + struct.unpack_from(">h", frame, at + 4)[0]
    # One byte or four for the number of partitions, below 127 of them; then the first one's index.
    return at + (1 if flexible else 4) + 4
