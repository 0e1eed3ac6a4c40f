# SPDX-License-Identifier: Apache-2.0
"""What the two Python drivers share: the command line, the JSON lines, and when a consumer may stop."""

import base64
import json
import sys
import time


def main(produce, consume):
    """Runs `produce(job)` or `consume(job)` for each job on standard input; see README.md beside this file."""
    verbs = {"produce": produce, "consume": consume}
    verb = sys.argv[1] if len(sys.argv) == 2 else ""
    if verb == "serve":
        for text in sys.stdin:
            request = json.loads(text)
            _print({"done": _run(verbs[request["verb"]], request)})
    elif verb in verbs:
        sys.exit(_run(verbs[verb], json.load(sys.stdin)))
    else:
        sys.exit("usage: %s produce|consume|serve < jobs.json" % sys.argv[0])


def _run(verb, request):
    worst = 0
    for number, fields in enumerate(request.get("jobs", [request])):
        job = Job(number, fields)
        try:
            verb(job)
        except Exception as e:  # A driver reports whatever its client raises.
            job.error(type(e).__name__, getattr(e, "errno", None), repr(e))
        job.answer(exit=job.exit)
        worst = max(worst, job.exit)
    return worst


def _print(fields):
    sys.stdout.write(json.dumps(fields) + "\n")
    if fields.keys() & {"ready", "error", "exit", "done"}:
        sys.stdout.flush()


class Job:
    """One job: its fields, and the lines that answer it."""

    def __init__(self, number, fields):
        self.number = number
        self.fields = fields
        self.exit = 0
        self.client = fields.get("client", {})
        self.topic = fields["topic"]
        self.timeout_ms = fields.get("timeout_ms", 20000)

    def get(self, name, default=None):
        value = self.fields.get(name)
        return default if value is None else value

    def answer(self, **fields):
        _print({"job": self.number, **fields})

    def error(self, name, code, message, **fields):
        self.exit = 3
        code = -1 if code is None else code
        self.answer(error=name, code=code, message=message, **fields)

    def record(self, partition, offset, timestamp, appended, key, value, headers):
        self.answer(
            partition=partition,
            offset=offset,
            timestamp=timestamp,
            timestamp_type="append" if appended else "create",
            key=encode(key),
            value=encode(value),
            headers=[[name, encode(data)] for name, data in headers or []],
        )

    def copy(self, names, settings):
        """Copies tuning fields that the job has, under the client's own names."""
        for ours, theirs in names.items():
            if self.get(ours) is not None:
                settings[theirs] = self.get(ours)

    def acks(self):
        acks = self.get("acks", "all")
        return -1 if acks == "all" else int(acks)

    def grouped(self):
        """Whether batches are to be as large as the client can make them."""
        return bool(self.get("one_batch") or self.get("batch_records"))


class Progress:
    """Says when a consumer may stop: enough records, silence after the last one, or no time left."""

    def __init__(self, job):
        self.job = job
        self.records = 0
        self.start = self.last = time.monotonic()
        self.seek = job.get("seek")

    def goes_to(self):
        """Where to seek now; None: nowhere."""
        if self.seek is None or self.records < self.seek["after"]:
            return None
        to, self.seek = self.seek["to"], None
        return to

    def wanting(self):
        count, now = self.job.get("count"), time.monotonic()
        if count is not None and self.records >= count:
            return False
        if count is None and self.records and (now - self.last) * 1000 > self.job.get("idle_ms", 1500):
            return False
        if (now - self.start) * 1000 < self.job.timeout_ms:
            return True
        self.job.error("TIMEOUT", -1, "%d records before the time ran out" % self.records)
        return False

    def took(self):
        self.records += 1
        self.last = time.monotonic()


def decode(text):
    return None if text is None else base64.b64decode(text)


def encode(data):
    return None if data is None else base64.b64encode(data).decode()


def headers_of(record):
    return [(name, decode(text)) for name, text in record.get("headers") or []]


def unsecured_token(user):
    """A JSON web token without a signature, as Kafka's unsecured validator takes it."""
    now = int(time.time())
    claims = {"sub": user, "iat": now, "exp": now + 3600}
    parts = [json.dumps(part).encode() for part in ({"alg": "none"}, claims)]
    return ".".join(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in parts) + "."
