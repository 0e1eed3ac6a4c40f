# SPDX-License-Identifier: Apache-2.0
"""Peers that stand still, and peers that are merely slow: the former make room for others, the latter are served."""

import contextlib
import itertools
import os
import signal
import socket
import struct
import threading
import time

import clients
import exchange
import pytest
import segment
import wire
from clients import Record
from exchange import Endpoint
from gateway import Gateway
from processes import eventually
from steady import Steady
from test_life import Between, produce_error

CLEAR = [{"match": "*", "seal": True}, {"match": "clear*", "seal": False}]


def whys(gateway, name):
    return [event["why"] for event in gateway.events(name)]


def narrow(address, seconds=30):
    """A connection into which hardly anything fits that is not read."""
    connection = wire.Wire.__new__(wire.Wire)
    host, port = address.rsplit(":", 1)
    connection.socket = socket.socket()
    connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connection.socket.settimeout(seconds)
    connection.socket.connect((host, int(port)))
    return connection


def test_consumers_that_read_nothing(tmp_path, kafka):
    """All memory of the one worker is answers that nobody takes: they make room for those who produce and consume."""
    settings = {"limits": {"memory": "16MiB", "handshake-timeout": "1s"}, "workers": 1}
    with Gateway(tmp_path, kafka, topics=CLEAR, settings=settings) as gateway:
        endpoint = Endpoint(gateway.bootstrap, kafka, by_batch=True)
        bulk = endpoint.topic("clear-bulk")
        exchange.send(endpoint, "librdkafka", bulk, [Record(None, b"y" * 900_000, (), exchange.START, 0)] * 10)
        topic = endpoint.topic("honest")
        with Steady(endpoint, topic, padding=60_000, pause=0.05) as steady:
            time.sleep(0.5)
            stalled = [narrow(gateway.bootstrap) for _ in range(24)]
            for connection in stalled:
                for offset in range(4):
                    connection.send(wire.fetch(bulk, offset=offset, max_bytes=4 << 20))
            eventually(lambda: [why for why in whys(gateway, "client-failed") if "waited for memory" in why])
            count = steady.sent
            assert len(clients.consume("librdkafka", endpoint.job(topic, count=count, timeout_ms=20000)).check().records) >= count
        assert steady.slowest < 20, steady.slowest
        steady.check(exchange.receive(endpoint, "librdkafka", topic, steady.sent))
        for connection in stalled:
            connection.socket.close()


def test_consumers_that_read_nothing_while_nobody_waits(tmp_path, kafka):
    """Whoever stands still stays, as long as there is memory for all."""
    settings = {"limits": {"handshake-timeout": "1s"}, "workers": 1}
    with Gateway(tmp_path, kafka, topics=CLEAR, settings=settings) as gateway:
        endpoint = Endpoint(gateway.bootstrap, kafka, by_batch=True)
        bulk = endpoint.topic("clear-bulk")
        exchange.send(endpoint, "librdkafka", bulk, [Record(None, b"y" * 900_000, (), exchange.START, 0)] * 5)
        stalled = [narrow(gateway.bootstrap) for _ in range(3)]
        for connection in stalled:
            connection.send(wire.fetch(bulk, max_bytes=4 << 20))
        time.sleep(4)
        for connection in stalled:
            assert len(connection.receive()) > 4_000_000
            connection.socket.close()


def test_request_that_got_its_memory_late(tmp_path, kafka):
    """It has the whole time from then on, although it began long before and others still wait."""
    settings = {"limits": {"memory": "16MiB", "frame-bytes": "4MiB", "handshake-timeout": "3s"}, "workers": 1}
    with Gateway(tmp_path, kafka, topics=CLEAR, settings=settings) as gateway, contextlib.ExitStack() as stack:
        topic = Endpoint(gateway.bootstrap, kafka, by_batch=True).topic("clear-late", max_message_bytes=3 << 20)
        request = wire.produce(topic, segment.forge([(None, bytes(2_600_000))]).data)

        numbers = map("127.0.0.{}".format, itertools.count(2))  # so that the log tells of each

        def begin():
            connection = stack.enter_context(wire.Wire(gateway.bootstrap, seconds=30, source=next(numbers)))
            connection.send(request[:4])
            time.sleep(0.02)
            connection.send(request[4:100])
            return connection

        for _ in range(6):
            begin()
        began = time.monotonic()
        time.sleep(0.3)
        for _ in range(8):
            begin()
        late = begin()
        pieces = [request[at:at + 50_000] for at in range(100, len(request), 50_000)]
        for number, piece in enumerate(pieces, 1):
            late.send(piece)
            time.sleep(max(0, began + 5.5 * number / len(pieces) - time.monotonic()))
        answer = late.receive()
        assert answer and produce_error(answer, topic) == 0
        assert len(gateway.events("client-failed")) >= 6


# At the end.


@pytest.mark.parametrize("answers", [False, True], ids=["nothing to be told", "an answer on its way"])
def test_reset_after_last_words(tmp_path, answers):
    """A client sends without waiting for an answer (acks=0) and is gone: what it sent goes out, however slowly the broker takes it."""
    batch = segment.forge([(None, os.urandom(3 << 20))]).data
    last_words = wire.produce("clear", batch, acks=0)
    got, heard = bytearray(), threading.Event()

    def serve(connection):
        if answers:
            connection.recv(len(wire.request(wire.API_VERSIONS, 0)), socket.MSG_WAITALL)
        time.sleep(1.5)
        if answers:
            connection.sendall(wire.frame(struct.pack(">ihi", 1, 0, 1) + struct.pack(">hhh", 3, 0, 4)))
            time.sleep(0.5)
        with contextlib.suppress(OSError):
            while len(got) < len(last_words) and (piece := connection.recv(1 << 16)):
                got.extend(piece)
        heard.set()

    with wire.FakeBroker(serve) as fake:
        fake._listening.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        with Gateway(tmp_path, fake, topics=CLEAR) as gateway:
            with wire.Wire(gateway.bootstrap) as client:
                if answers:
                    client.send(wire.request(wire.API_VERSIONS, 0))
                client.send(last_words)
                time.sleep(0.7)
                client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            assert heard.wait(20)
            same = got == last_words
            assert same, (len(got), len(last_words), gateway.log()[-2000:])


def test_last_answer_before_unread_requests(tmp_path, kafka):
    """A client that has asked more than is still answered gets what was answered, whole, and then the end."""
    with Between(kafka) as between, Gateway(tmp_path, kafka, topics=CLEAR, settings=between.settings()) as gateway:
        endpoint = Endpoint(gateway.bootstrap, kafka, by_batch=True)
        topic = endpoint.topic("clear-last")
        exchange.send(endpoint, "librdkafka", topic, [Record(None, os.urandom(60_000), (), exchange.START, 0)])
        with narrow(gateway.bootstrap) as client:
            assert client.ask(wire.metadata(topic))
            between.flowing.clear()
            client.send(wire.fetch(topic))
            time.sleep(0.3)
            gateway.child.send_signal(signal.SIGTERM)
            time.sleep(0.3)
            client.send(wire.metadata(topic))
            between.flowing.set()
            time.sleep(0.7)
            answer = client.receive()
            assert answer and len(answer) > 60_000
            assert client.socket.recv(1) == b""
        status = gateway.child.wait(5)
        gateway.child = None
        assert status == 0 and gateway.events("drained")


def test_drain_does_not_wait_for_who_does_not_close(tmp_path, kafka):
    with Gateway(tmp_path, kafka) as gateway, wire.Wire(gateway.bootstrap) as client:
        assert client.ask(wire.metadata())
        gateway.child.send_signal(signal.SIGTERM)
        status = gateway.child.wait(6)
        gateway.child = None
        assert status == 0 and gateway.events("drained")


# Without an answer.


def test_unanswered_request_is_not_idle(tmp_path, kafka):
    """A broker may take longer than limits.idle-timeout: a JoinGroup waits for all members. Who asks nothing is idle meanwhile."""
    with Between(kafka) as between:
        settings = between.settings(limits={"idle-timeout": "1s"})
        with Gateway(tmp_path, kafka, settings=settings) as gateway:
            topic = Endpoint(gateway.bootstrap, kafka, by_batch=True).topic("patient")
            with wire.Wire(gateway.bootstrap) as waiting, wire.Wire(gateway.bootstrap) as idle:
                for connection in (waiting, idle):
                    assert connection.ask(wire.metadata(topic))
                between.flowing.clear()
                waiting.send(wire.produce(topic, segment.forge([(b"k", b"v")]).data))
                assert idle.is_closed(4) and gateway.events("idle")
                time.sleep(3)
                between.flowing.set()
                assert produce_error(waiting.receive(), topic) == 0
                assert waiting.is_closed(4)
