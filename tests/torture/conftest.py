# SPDX-License-Identifier: Apache-2.0
"""Clusters, gateways and clients are those of the integration tests."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "integration"))
