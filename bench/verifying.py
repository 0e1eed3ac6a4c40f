# SPDX-License-Identifier: Apache-2.0
"""How fast `signet verify` goes through what brokers store, against SHA-256 alone on the same core, and in how much memory."""

import os
import re
import subprocess
import time

PARTITIONS = 4


def sha256_speed():
    """Bytes a second, of blocks as large as the bench's batches, by OpenSSL's own measure."""
    out = subprocess.run(["taskset", "-c", "0", "openssl", "speed", "-seconds", "1", "-bytes", "65536", "-evp", "sha256"],
                         check=True, capture_output=True, text=True).stdout
    return float(re.findall(r"sha256\s+([\d.]+)k", out)[-1]) * 1000


def verify(program, config, folders, cores):
    """Seconds by the clock, seconds of CPU, and the most bytes resident."""
    start = time.monotonic()
    child = subprocess.Popen(["taskset", "-c", cores, program, "verify", "--config", config, *folders], stdout=subprocess.PIPE)
    child.stdout.read()
    _, status, usage = os.wait4(child.pid, 0)
    if status != 0:
        raise RuntimeError("verify did not find the log good")
    return time.monotonic() - start, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024


def verify_rows(kafka, gateway, produce, rounds, report):
    """`produce(topic)` fills a topic of so many partitions through the gateway."""
    kafka.topic("verified", partitions=PARTITIONS)
    produce("verified")
    segments = [path for partition in range(PARTITIONS) for path in kafka.segments("verified", partition)]
    folders = sorted({os.path.dirname(path) for path in segments})
    size = sum(os.path.getsize(path) for path in segments)
    cores = os.cpu_count()
    every = "0-%d" % (cores - 1)
    program = os.environ["SIGNET"]
    verify(program, gateway.config_path, folders, every)  # what is on disk is in memory from here on
    against, scaling, resident = [], [], []
    for _ in range(rounds):
        one, cpu, _ = verify(program, gateway.config_path, folders, "0")
        all_of_them, _, most = verify(program, gateway.config_path, folders, every)
        against.append(size / cpu / sha256_speed())
        scaling.append(one / all_of_them / min(cores, PARTITIONS))
        resident.append(most / 2**20)
    report.add("verify, of SHA-256's speed per core", against, "", "≥ 0.80", least=0.8)
    report.add("verify, what each of %d cores adds" % min(cores, PARTITIONS), scaling, "")
    report.add("resident, verify", resident, "MiB", "≤ 64", most=64)
