# SPDX-License-Identifier: Apache-2.0
"""Every attack of the catalogue, on a real broker: what everybody says of it is what was expected, no less and no more."""

import pytest
import table
from catalogue import ATTACKS, COLUMNS
from suite import run

# The first test waits for all attacks to be made.
pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    return run(tmp_path_factory.mktemp("attacks"))


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.topic)
def test_attack(told, attack):
    assert told[attack] == {column.field: getattr(attack, column.field) for column in COLUMNS}


def test_why_nobody_notices(told):
    """Where nobody says anything there is a reason, and nowhere else."""
    assert [attack.name for attack in ATTACKS if table.said(told[attack]) == bool(attack.why)] == []


def test_table(told):
    with open(table.PATH) as file:
        assert file.read() == table.text(told), "docs/attacks.md is not what this run came to: make attacks"


def test_catalogue():
    assert len({attack.topic for attack in ATTACKS}) == len(ATTACKS) >= 30
