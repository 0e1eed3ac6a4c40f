# SPDX-License-Identifier: Apache-2.0
# The front door; CMakePresets.json is behind it.  `make` leaves the program at build/signet.

PRESETS_TEST := sanitize
PYTEST = build/venv/bin/python -m pytest -q
# What has workers, crew and reloads at once, for the sanitizer of threads.
THREADED = $(addprefix tests/integration/test_,reload.py stalls.py gateway.py::test_large_batches)

.PHONY: all packages test unit unit-gcc thread integration attacks demo bench fuzz format lint install clean

all: packages
	@cmake --preset release > build/cmake.log 2>&1 || (cat build/cmake.log; false)
	@cmake --build build --target signet

packages:
	@mkdir -p build
	@tools/packages build

test: all
	@tools/packages build test
	$(MAKE) --no-print-directory lint unit thread integration

unit: packages
	@cmake --preset sanitize > build/cmake-sanitize.log 2>&1 || (cat build/cmake-sanitize.log; false)
	@cmake --build build/sanitize
	@ctest --test-dir build/sanitize --output-on-failure -j2

thread: packages
	@cmake --preset thread > build/cmake-thread.log 2>&1 || (cat build/cmake-thread.log; false)
	@cmake --build build/thread --target signet test_net test_crew test_vectors test_relay_fetch
	@ctest --test-dir build/thread --output-on-failure -R "unit.(net|crew|vectors|relay_fetch)$$"

integration: unit thread
	@tools/kafka/fetch
	@tools/venv
	SIGNET=$(CURDIR)/build/sanitize/signet $(PYTEST) tests
	SIGNET=$(CURDIR)/build/thread/signet $(PYTEST) $(THREADED)

# Makes every attack of tests/attacks, and writes docs/attacks.md; `test` makes them too, and compares.
attacks: all
	@tools/packages test
	@tools/kafka/fetch
	@tools/venv
	@SIGNET=$(CURDIR)/build/signet build/venv/bin/python tests/attacks/table.py

demo: all
	@tools/packages demo
	@tools/kafka/fetch
	@tools/demo/demo

bench: all
	@tools/packages test
	@tools/kafka/fetch
	@tools/venv
	@build/venv/bin/python bench/bench.py

fuzz: packages
	@tools/fuzz

format:
	@git ls-files '*.c' '*.h' | xargs clang-format -i

lint: packages
	@tools/lint

install: all
	@cmake --install build

clean:
	rm -rf build
