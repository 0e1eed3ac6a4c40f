# SPDX-License-Identifier: Apache-2.0
"""`make bench` runs to its end and says what it is to say. What it measures in so short a run means nothing."""

import json
import pathlib
import shutil
import subprocess
import sys

from machine import lacks

ROOT = pathlib.Path(__file__).resolve().parents[2]
MET, MISSED = 0, 1


def test_bench_reports_every_figure(tmp_path):
    if not shutil.which("java"):
        lacks("java")
    path = tmp_path / "report.json"
    short = ["--rounds", "1", "--warm-ups", "0", "--records", "4000", "--seconds", "2", "--report", path]
    done = subprocess.run([sys.executable, ROOT / "bench/bench.py", *short], capture_output=True, text=True)
    assert done.returncode in (MET, MISSED), done.stdout + done.stderr
    rows = {row["name"]: row for row in json.loads(path.read_text())}
    wanted = ["resident, 100 busy connections", "verify, of SHA-256's speed per core", "resident, verify"]
    for codec in ("none", "zstd"):
        wanted += ["%s %s, sealed / direct" % (verb, codec) for verb in ("end to end", "produce", "consume")]
        wanted.append("stored bytes %s, sealed / plain" % codec)
    for name in wanted:
        assert rows[name]["goal"] and rows[name]["value"] > 0, name
        assert name in done.stdout
    missed = [name for name, row in rows.items() if not row["met"]]
    assert done.returncode == (MISSED if missed else MET)


def test_make_bench_asks_for_packages_that_there_are():
    recipe = subprocess.run(["make", "-n", "bench"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    asked = [line.split()[1:] for line in recipe.splitlines() if line.startswith("tools/packages")]
    assert asked
    for groups in asked:
        subprocess.run([ROOT / "tools/packages", "--list", *groups], check=True, capture_output=True)
