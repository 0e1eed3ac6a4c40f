# SPDX-License-Identifier: Apache-2.0
"""Kafka's protocol by hand, for what no client does: raw connections, requests of a few kinds, and brokers that misbehave."""

import base64
import socket
import ssl
import struct
import threading
import time

import processes

PRODUCE, FETCH, METADATA, SASL_HANDSHAKE, API_VERSIONS, SASL_AUTHENTICATE, SHARE_FETCH = 0, 1, 3, 17, 18, 36, 78

# The highest key that Kafka 4.3 has.
API_KEY_LAST = 92


def frame(body):
    return struct.pack(">i", len(body)) + body


def text(value):
    data = value.encode()
    return struct.pack(">h", len(data)) + data


def request(api, version, body=b"", correlation=1, client_id="wire"):
    """A whole frame, with a header that is not flexible."""
    return frame(struct.pack(">hhi", api, version, correlation) + text(client_id) + body)


def metadata(*topics, correlation=1):
    """Metadata 4 for these topics."""
    return request(METADATA, 4, struct.pack(">i", len(topics)) + b"".join(map(text, topics)) + b"\0", correlation)


def fetch(topic, partition=0, offset=0, max_bytes=1 << 20, max_wait_ms=0, correlation=1):
    """Fetch 4 of one partition."""
    body = struct.pack(">iiiib", -1, max_wait_ms, 1, max_bytes, 0) + struct.pack(">i", 1) + text(topic)
    return request(FETCH, 4, body + struct.pack(">iiqi", 1, partition, offset, max_bytes), correlation)


def fetch_by_id(topic_id, partition=0, offset=0, max_bytes=1 << 20, max_wait_ms=0, correlation=1):
    """Fetch 13, the first that names topics by id, of one partition. The id is text, as Kafka shows it."""
    wanted = struct.pack(">iiqiqi", partition, -1, offset, -1, -1, max_bytes) + b"\0"
    topics = b"\2" + base64.urlsafe_b64decode(topic_id + "==") + b"\2" + wanted + b"\0"
    session = struct.pack(">ii", 0, -1)
    body = struct.pack(">iiiib", -1, max_wait_ms, 1, max_bytes, 0) + session + topics + b"\1\1\0"
    return request(FETCH, 13, b"\0" + body, correlation)


def fetch_in_session(topic, session, epoch, partitions=(), correlation=1):
    """Fetch 7, the first with sessions (KIP-227): these (partition, offset) are added to the session, or moved in it."""
    topics = struct.pack(">i", 1 if partitions else 0)
    if partitions:
        topics += text(topic) + struct.pack(">i", len(partitions))
        topics += b"".join(struct.pack(">iqqi", partition, offset, -1, 1 << 20) for partition, offset in partitions)
    body = struct.pack(">iiiibii", -1, 0, 1, 1 << 20, 0, session, epoch) + topics + struct.pack(">i", 0)
    return request(FETCH, 7, body, correlation)


def fetched_in_session(answer):
    """Of an answer to Fetch 7: the error, the session's id, and the records of each partition that is in it."""
    error, session, topics = struct.unpack_from(">hii", answer, 8)
    at, records = 18, {}
    for _ in range(topics):
        at += 2 + struct.unpack_from(">h", answer, at)[0]
        count, at = struct.unpack_from(">i", answer, at)[0], at + 4
        for _ in range(count):
            partition, aborted = struct.unpack_from(">ihqqqi", answer, at)[::5]
            at += 34 + 16 * max(0, aborted)
            size = struct.unpack_from(">i", answer, at)[0]
            records[partition] = answer[at + 4:at + 4 + max(0, size)]
            at += 4 + max(0, size)
    return error, session, records


def versions(answer):
    """Of an answer to ApiVersions 0: lowest and highest version by API."""
    count = struct.unpack_from(">i", answer, 6)[0]
    return {api: (low, high) for api, low, high in (struct.unpack_from(">hhh", answer, 10 + 6 * i) for i in range(count))}


def produce(topic, records, partition=0, acks=-1, correlation=1):
    """Produce 3 of one partition, whose record batch is given as bytes."""
    body = struct.pack(">hhi", -1, acks, 30000) + struct.pack(">i", 1) + text(topic) + struct.pack(">ii", 1, partition)
    return request(PRODUCE, 3, body + struct.pack(">i", len(records)) + records, correlation)


def sasl_plain(user, password, correlation=1):
    """Handshake and token, both at once."""
    token = b"\0%s\0%s" % (user.encode(), password.encode())
    return (request(SASL_HANDSHAKE, 1, text("PLAIN"), correlation),
            request(SASL_AUTHENTICATE, 0, struct.pack(">i", len(token)) + token, correlation + 1))


class Wire:
    """One connection to "host:port" or, with a slash in it, a Unix socket; over TLS when there is a context.

    source: the number to come from, of this machine's.
    """

    def __init__(self, address, context=None, server_name=None, seconds=10, source=""):
        if "/" in address:
            self.socket = socket.socket(socket.AF_UNIX)
            self.socket.settimeout(seconds)
            self.socket.connect(address)
        else:
            host, port = address.rsplit(":", 1)
            self.socket = socket.create_connection((host, int(port)), seconds, (source, 0))
        if context:
            self.socket = context.wrap_socket(self.socket, server_hostname=server_name or "localhost")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data)

    def receive(self):
        """The body of the next frame, with its correlation id; None at the end of the stream."""
        head = self._exactly(4)
        return None if head is None else self._exactly(struct.unpack(">i", head)[0])

    def ask(self, data):
        self.send(data)
        return self.receive()

    def is_closed(self, seconds=5):
        """Whether the other side ends this connection in that time, whatever it says before."""
        deadline = time.monotonic() + seconds
        try:
            while (left := deadline - time.monotonic()) > 0:
                self.socket.settimeout(left)
                if not self.socket.recv(1 << 16):
                    return True
        except TimeoutError:
            return False
        except OSError:
            return True
        return False

    def _exactly(self, size):
        data = b""
        try:
            while len(data) < size:
                piece = self.socket.recv(size - len(data))
                if not piece:
                    return None
                data += piece
        except (ConnectionError, ssl.SSLError):
            return None
        return data


def tls_context(ca=None, certificate=None, key=None, version=None):
    """A client's context. version: the only one that it speaks."""
    context = ssl.create_default_context(cafile=ca)
    if certificate:
        context.load_cert_chain(certificate, key)
    if version:
        context.minimum_version = context.maximum_version = version
    return context


class FakeBroker:
    """A server on loopback, while in its with block, each of whose connections is given to `serve` in a thread of its own."""

    def __init__(self, serve, context=None):
        self.serve, self.context = serve, context
        self.port = processes.ports(1)[0]
        self.address = "127.0.0.1:%d" % self.port
        self.connections = []

    # What a Gateway asks of a cluster.
    cluster_id = "fake-cluster-of-no-brokers"
    nodes = range(1, 2)

    def bootstrap(self, listener=None):
        return self.address

    def __enter__(self):
        self._listening = socket.create_server(("127.0.0.1", self.port))
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_):
        self._listening.close()
        for connection in self.connections:
            connection.close()

    def _accept(self):
        while True:
            try:
                connection, _ = self._listening.accept()
            except OSError:
                return
            self.connections.append(connection)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        try:
            if self.context:
                connection = self.context.wrap_socket(connection, server_side=True)
            self.serve(connection)
        except (OSError, struct.error):
            pass
        connection.close()


def answering(answer):
    """A `serve` that calls answer(api, version, correlation, body) for every request, and sends the bytes that it returns."""
    def serve(connection):
        stream = connection.makefile("rb")
        while len(head := stream.read(4)) == 4:
            data = stream.read(struct.unpack(">i", head)[0])
            api, version, correlation = struct.unpack_from(">hhi", data)
            out = answer(api, version, correlation, data[8:])
            if out is None:
                return
            connection.sendall(out)
    return serve
