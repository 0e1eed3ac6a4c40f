# SPDX-License-Identifier: Apache-2.0
"""Messages, headers and batches that Kafka's own classes write are read to the byte (tests/codec)."""

import os
import random
import subprocess

import pytest

ROOT = os.path.abspath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
CODEC = os.path.join(ROOT, "tests", "codec")

# One seed for ever and one of this run; a failure prints the latter, and SIGNET_SEED brings it back.
SEEDS = [1, int(os.environ.get("SIGNET_SEED") or random.randrange(1 << 32))]


def walk_file():
    """The newest build of tests/codec/walk_file.c; SIGNET_BUILD names another build directory."""
    folders = [os.environ["SIGNET_BUILD"]] if os.environ.get("SIGNET_BUILD") else ["build", "build/sanitize"]
    built = [os.path.join(ROOT, folder, "tests", "walk_file") for folder in folders]
    built = [path for path in built if os.path.exists(path)]
    if not built:
        pytest.fail("walk_file is not built: cmake --preset sanitize && cmake --build build/sanitize")
    return max(built, key=os.path.getmtime)


@pytest.mark.timeout(300)
@pytest.mark.parametrize("seed", SEEDS)
def test_what_kafka_writes_is_kept_to_the_byte(tmp_path, seed):
    subprocess.run([os.path.join(ROOT, "tools", "kafka", "fetch")], check=True)
    jars = os.path.join(ROOT, "build", "kafka", "lib", "*")
    messages = tmp_path / "messages"
    print("seed", seed)
    generate = ["java", "-cp", jars, os.path.join(CODEC, "Generate.java"), messages, seed]
    subprocess.run([str(word) for word in generate], check=True)
    walked = subprocess.run([walk_file(), str(messages)], capture_output=True, text=True)
    assert walked.returncode == 0, walked.stdout + walked.stderr[-4000:]
    assert walked.stdout.endswith(" 0 failures\n")
