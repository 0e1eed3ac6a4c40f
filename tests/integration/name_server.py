# SPDX-License-Identifier: Apache-2.0
"""A name server of our own, for a gateway that asks nobody else.

    with NameServer(directory, {"kafka.test": ["127.0.0.1"]}, delay=1) as names:
        Gateway(..., wrapper=names.wrapper)
"""

import os
import socket
import struct
import threading
import time

from machine import lacks

A, IN = 1, 1


def _bound():
    """A resolver's port cannot be chosen, so each server has a number of loopback's to itself."""
    server = socket.socket(type=socket.SOCK_DGRAM)
    server.settimeout(0.1)
    for last in range(1, 255):
        try:
            server.bind(("127.0.53.%d" % last, 53))
        except PermissionError as error:
            lacks("no port 53 for a name server: %s" % error)
        except OSError:
            continue
        return server
    raise RuntimeError("no free number for a name server")


class NameServer:
    """Answers for names that it knows, each after `delay` seconds; None: never."""

    def __init__(self, directory, names, delay=0):
        self.names, self.delay = names, delay
        self.asked = []  # the names, one for each question that came in for IPv4
        self._path = os.path.join(str(directory), "resolv.conf")

    @property
    def wrapper(self):
        """Runs a command that takes this for the machine's name server."""
        return ("unshare", "--mount", "sh", "-c", 'mount --bind "$0" /etc/resolv.conf && exec "$@"', self._path)

    def __enter__(self):
        self.socket = _bound()
        with open(self._path, "w") as file:
            file.write("nameserver %s\noptions timeout:20 attempts:1\n" % self.socket.getsockname()[0])
        if os.system(" ".join(["unshare --mount mount --bind", self._path, "/etc/resolv.conf 2> /dev/null"])):
            lacks("the name server cannot be replaced here: it takes a mount namespace")
        self._done = False
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._done = True
        self._thread.join()
        self.socket.close()

    def _serve(self):
        while not self._done:
            try:
                question, peer = self.socket.recvfrom(4096)
            except TimeoutError:
                continue
            threading.Thread(target=self._answer, args=(question, peer), daemon=True).start()

    def _answer(self, question, peer):
        labels, at = [], 12
        while question[at]:
            labels.append(question[at + 1:at + 1 + question[at]].decode())
            at += 1 + question[at]
        kind = struct.unpack_from(">H", question, at + 1)[0]
        numbers = self.names.get(".".join(labels), []) if kind == A else []
        if kind == A:
            self.asked.append(".".join(labels))
        if self.delay is None:
            return
        time.sleep(self.delay)
        records = b"".join(struct.pack(">HHHIH", 0xc00c, A, IN, 1, 4) + socket.inet_aton(number) for number in numbers)
        header = question[:2] + struct.pack(">HHHHH", 0x8180, 1, len(numbers), 0, 0)
        try:
            self.socket.sendto(header + question[12:at + 5] + records, peer)
        except OSError:
            pass
