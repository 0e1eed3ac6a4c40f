#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The folders of src are layers: an include may only point down, and no two files have one name."""

import collections
import pathlib
import re
import sys

LAYERS = ["base", "crypto", "kafka", "seal", "keys", "relay", "net", "client", "gateway", "witness", "verify", "cli"]
# Libraries that only one layer, or a few, may touch.
LIBRARIES = {
    "openssl/": {"crypto", "net"},
    "sodium": {"crypto"},
    "uv.h": {"net"},
    "microhttpd.h": {"net"},
    "sasl/": {"client"},
    "isa-l": {"kafka"},
    "zstd.h": {"kafka"},
    "lz4": {"kafka"},
    "snappy": {"kafka"},
    "zlib.h": {"kafka"},
    "sys/socket.h": {"net"},
}
# Asking a library for its version is no use of it.
EXEMPT = {"cli/command_version.c"}

ROOT = pathlib.Path(__file__).resolve().parents[2] / "src"
INCLUDE = re.compile(r'^\s*#\s*include\s+(?:"([^"]+)"|<([^>]+)>)', re.M)


def complaints():
    names = collections.defaultdict(list)
    for path in sorted(ROOT.glob("*/*.[ch]")):
        layer, name = path.parent.name, str(path.relative_to(ROOT))
        names[path.name].append(name)
        if layer not in LAYERS:
            yield f"{name}: {layer} is no layer"
            continue
        for own, library in INCLUDE.findall(path.read_text()):
            target = own.split("/")[0]
            if own and target not in LAYERS:
                yield f"{name}: includes {own}, which is not written as layer/file.h"
            elif own and LAYERS.index(target) > LAYERS.index(layer):
                yield f"{name}: includes {own}, which is above it"
            for start, allowed in LIBRARIES.items():
                if library.startswith(start) and layer not in allowed and name not in EXEMPT:
                    yield f"{name}: includes {library}, which is for {', '.join(sorted(allowed))}"
    for name, places in names.items():
        if len(places) > 1:
            yield f"{name}: the name stands twice: {', '.join(places)}"


if __name__ == "__main__":
    found = list(complaints())
    print("\n".join(found) if found else "layers: every include points down")
    sys.exit(1 if found else 0)
