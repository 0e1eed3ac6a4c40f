# SPDX-License-Identifier: Apache-2.0
"""The demo tells the truth, and leaves no process and no folder behind, however it ends."""

import os
import pathlib
import re
import signal
import subprocess

import processes
import pytest
from machine import lacks

ROOT = pathlib.Path(__file__).resolve().parents[2]
DEMO = ROOT / "tools" / "demo" / "demo"
GOOD, FAILED, CANNOT_RUN = 0, 1, 3
SECONDS_MAX = 110

REFUSALS = (
    ("altered", 0, 2, "changed after it was sealed"),
    ("unsealed", 1, 3, "not sealed, on a topic that must be"),
    ('"wrong place"', 2, 2, "sealed for another cluster, topic or partition"),
)


@pytest.fixture(scope="module", autouse=True)
def can_run():
    """The demo's own look at what it needs is what decides."""
    with subprocess.Popen([DEMO], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as demo:
        try:
            _, why = demo.communicate(timeout=1)
        except subprocess.TimeoutExpired:
            demo.terminate()
            return
    if demo.returncode == CANNOT_RUN:
        lacks(why)


class Demo:
    """One run, whose temporary files can only be in a folder of its own."""

    def __init__(self, folder, **environment):
        self.folder = folder
        environment = {**os.environ, "TMPDIR": str(folder), "KEEP": "", **environment}
        self.child = processes.spawn([DEMO], cwd=ROOT, env=environment, stdin=subprocess.DEVNULL,
                                     stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.printed = ""

    def until(self, words):
        """Reads on until it has printed a line with these words."""
        while words not in self.printed:
            line = self.child.stdout.readline()
            assert line, self.printed
            self.printed += line
        return self

    def ends_with(self, code):
        """Waits for its end; all that it printed. Nothing of it is left then."""
        self.printed += self.child.communicate(timeout=SECONDS_MAX)[0]
        assert self.child.returncode == code, self.printed
        assert (self.processes(), list(self.folder.iterdir())) == ([], [])
        return self.printed

    def processes(self):
        """Those that run in its folder, or in what was its folder."""
        found = []
        for process in pathlib.Path("/proc").glob("[0-9]*"):
            try:
                where, what = os.readlink(process / "cwd"), (process / "cmdline").read_bytes()
            except OSError:
                continue
            if where.startswith(str(self.folder)):
                found.append(what.replace(b"\0", b" ").decode())
        return found


def test_the_story(tmp_path):
    printed = Demo(tmp_path).ends_with(GOOD)
    for verdict, partition, offset, meaning in REFUSALS:
        refusal = "batch-refused verdict=%s topic=sealed partition=%d offset=%d\n" % (verdict, partition, offset)
        assert re.search(re.escape(refusal) + r' +meaning="%s"\n' % meaning, printed), printed
    assert printed.count("delivered: nobody noticed") == len(REFUSALS)
    assert "All of this was checked, and is as told" in printed
    assert "\033" not in printed
    assert max(map(len, printed.splitlines())) <= 110


def test_it_can_be_kept_and_tried(tmp_path):
    demo = Demo(tmp_path, KEEP="1").until("   logs ")
    running = demo.processes()
    assert len(running) == 2, running
    example = re.search(r"^   try +(.*)$", demo.printed, re.M)[1]
    tried = subprocess.run(example.split(), cwd=ROOT, capture_output=True, text=True, timeout=SECONDS_MAX)
    assert '"pay 10 EUR to barbara"' in tried.stdout and '"CorruptRecordException"' in tried.stdout
    demo.child.send_signal(signal.SIGINT)
    demo.ends_with(GOOD)


@pytest.mark.parametrize("where,number", [
    ("1  A real broker", signal.SIGINT),
    ("2  A Java producer", signal.SIGTERM),
    ("4  Somebody with the disk", signal.SIGINT),
])
def test_interrupted_it_leaves_nothing(tmp_path, where, number):
    demo = Demo(tmp_path).until(where)
    demo.child.send_signal(number)
    printed = demo.ends_with(128 + number)
    assert "Ended by %s; nothing is left behind.\n" % number.name in printed


def test_failing_it_says_where_and_leaves_nothing(tmp_path):
    """A program that does nothing and finds nothing wrong is no Signet."""
    printed = Demo(tmp_path, SIGNET="/bin/true").ends_with(FAILED)
    assert "Failed in step 1: " in printed
    logs = ROOT / re.search(r"logs of all that ran are in (.*)\.$", printed, re.M)[1]
    assert (logs / "broker.log").stat().st_size > 0
