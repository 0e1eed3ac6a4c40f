# SPDX-License-Identifier: Apache-2.0
"""docs/attacks.md, from what a run came to: `make attacks` writes it."""

import os
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "..", folder) for folder in ("integration", "vectors")]

from catalogue import ATTACKS, COLUMNS, SECTIONS  # noqa: E402
from observe import DELIVERED, NOTHING  # noqa: E402
from suite import run  # noqa: E402

PATH = os.path.normpath(os.path.join(HERE, "../../docs/attacks.md"))

HEAD = """<!-- Written by `make attacks`. -->
# Attacks

What each attacker of the [threat model](../spec/threat-model.md) can do to a real broker's files, and who notices. `make attacks` makes all of it and writes this page:
one broker, three gateways that seal and keep a [ledger](../spec/ledger.md), a topic for each attack; then the broker is stopped, its files are changed as the row says, CRCs are repaired
unless the row says otherwise, and the broker is started again. `make test` does the same, and fails where anybody says anything else.

A log has four batches of three records, at offsets 0 to 11, unless the row says otherwise; where one batch is attacked it is the one at 3 to 5.

| column | |
| --- | --- |
| a reader behind a gateway | what a stock consumer got, from the start on; or the verdict and the offset with which the gateway refused to go on, after it had delivered what stands before |
| `signet verify` | its [findings](verify.md) on the log, with the trust file alone |
| `--ledger` adds | what it says besides when it has the gateways' ledgers: of what was acknowledged, and of what is in no account |
"""

UNSEEN = """
## Nobody notices

These rows have no finding in any column.

| attack | why |
| --- | --- |
"""


def said(cells):
    """Whether anybody refused or found anything."""
    return any(part != NOTHING and not part.startswith(DELIVERED) for cell in cells.values() for part in cell.split("; "))


def text(told):
    out = HEAD
    for title, attacks in SECTIONS:
        out += "\n## %s\n\n| attack | attacker | %s |\n| --- | --- |%s\n" % (
            title, " | ".join(column.title for column in COLUMNS), " --- |" * len(COLUMNS))
        for attack in attacks:
            out += "| %s | %s | %s |\n" % (attack.name, attack.attacker,
                                           " | ".join(told[attack][column.field] for column in COLUMNS))
    out += UNSEEN
    for attack in ATTACKS:
        if not said(told[attack]):
            out += "| %s | %s |\n" % (attack.name, attack.why or "?")
    return out


def differences(told):
    for attack in ATTACKS:
        for column in COLUMNS:
            expected, found = getattr(attack, column.field), told[attack][column.field]
            if found != expected:
                yield "%s: %s: expected %s, found %s" % (attack.name, column.title, expected, found)


def main():
    with tempfile.TemporaryDirectory(prefix="signet-attacks-") as directory:
        told = run(directory)
    with open(PATH, "w") as file:
        file.write(text(told))
    wrong = list(differences(told))
    print("\n".join(wrong) or "%d attacks, each as expected: docs/attacks.md" % len(ATTACKS))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
