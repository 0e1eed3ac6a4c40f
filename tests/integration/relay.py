# SPDX-License-Identifier: Apache-2.0
"""A TCP relay on loopback that passes bytes on as they come: the least that can stand between clients and a broker."""

import socket
import threading

import processes


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
            for source, sink in ((client, broker), (broker, client)):
                self._open.add(source)
                threading.Thread(target=self._pass, args=(source, sink), daemon=True).start()

    def _pass(self, source, sink):
        try:
            while data := source.recv(1 << 16):
                sink.sendall(data)
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
