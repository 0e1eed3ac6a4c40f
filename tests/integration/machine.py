# SPDX-License-Identifier: Apache-2.0
"""What this machine cannot do: a test that needs it is skipped, with the reason; where CI=true it fails."""

import os

import pytest


def lacks(why):
    (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(why)
