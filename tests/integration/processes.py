# SPDX-License-Identifier: Apache-2.0
"""Child processes that never outlive the run.

Whoever starts a broker, a gateway or a client starts it with `spawn`. The kernel kills such a child when the thread
that started it ends, so one thread that lives as long as this process starts them all: whatever happens to this
process, ^C and SIGKILL included, its children go with it. Ports come from `ports`, which keeps them from other runs.
"""

import atexit
import fcntl
import os
import queue
import socket
import subprocess
import tempfile
import threading
import time

_requests = queue.Queue()
_children = []


def _serve():
    while True:
        make, answer = _requests.get()
        try:
            answer.put((make(), None))
        except Exception as e:  # It is raised again in the thread that asked.
            answer.put((None, e))


def spawn(argv, **options):
    """Popen for a child of its own session that dies with this process; options as for subprocess.Popen."""
    answer = queue.Queue()
    argv = ["setpriv", "--pdeathsig", "KILL", "--", *map(str, argv)]
    _requests.put((lambda: subprocess.Popen(argv, start_new_session=True, **options), answer))
    child, error = answer.get()
    if error:
        raise error
    _children.append(child)
    return child


def eventually(condition, seconds=30):
    """What the condition gives as soon as it gives something; fails when it does not."""
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, "not within %d s" % seconds
        time.sleep(0.02)
    return found


def stop(child, seconds=10):
    """Asks a child to end, and kills it when it does not; its exit status."""
    if child.poll() is None:
        child.terminate()
        try:
            child.wait(seconds)
        except subprocess.TimeoutExpired:
            child.kill()
    return child.wait()


@atexit.register
def _kill_all():
    for child in _children:
        if child.poll() is None:
            child.kill()


threading.Thread(target=_serve, name="spawner", daemon=True).start()


# Below the kernel's range for outgoing connections, which could take a port between its choice and its use.
PORT_FIRST, PORT_LAST, PORT_BLOCK = 20000, 31999, 20

_blocks = []
_spare = []


def ports(count):
    """A list of free TCP ports next to one another, ours until this process ends."""
    if count > PORT_BLOCK:
        raise ValueError("at most %d ports at once" % PORT_BLOCK)
    if len(_spare) < count:
        _spare[:] = _lock_block()
    taken = _spare[:count]
    del _spare[:count]
    return taken


def _lock_block():
    directory = os.path.join(tempfile.gettempdir(), "signet-test-ports")
    os.makedirs(directory, mode=0o1777, exist_ok=True)
    for first in range(PORT_FIRST, PORT_LAST, PORT_BLOCK):
        lock = open(os.path.join(directory, str(first)), "a")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.close()
            continue
        block = list(range(first, first + PORT_BLOCK))
        if all(map(_free, block)):
            _blocks.append(lock)
            return block
        lock.close()
    raise RuntimeError("no free block of ports")


def _free(port):
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
