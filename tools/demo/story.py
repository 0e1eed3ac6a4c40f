# SPDX-License-Identifier: Apache-2.0
"""What the demo prints: numbered headings, and under them labelled lines. Colour only on a terminal."""

import os
import sys

LABEL_WIDTH = 11
INDENT = "   "


class Failed(Exception):
    """Something is not as the demo tells it."""


def check(condition, otherwise):
    if not condition:
        raise Failed(otherwise)


class Story:
    def __init__(self, out=sys.stdout):
        self.out = out
        self.colour = out.isatty() and not os.environ.get("NO_COLOR")
        self.number = 0
        self.waiting = None

    def title(self, text):
        self._print(self.bold(text))

    def step(self, title):
        self.number += 1
        self._print("\n" + self.bold("%d  %s" % (self.number, title)))

    def wait(self, label):
        """The label of a line whose text takes a moment."""
        self.waiting = label
        self._print(INDENT + label.ljust(LABEL_WIDTH), end="")

    def line(self, label, text):
        """A line, or the rest of the one that was waited for."""
        begun = label and label == self.waiting
        self.waiting = None
        self._print(("" if begun else INDENT + label.ljust(LABEL_WIDTH)) + text)

    def more(self, text):
        self.line("", text)

    def end(self, text):
        """What ends the story, also in the middle of a line."""
        self._print(("\n\n" if self.waiting else "\n") + text)
        self.waiting = None

    def _print(self, text, end="\n"):
        print(text, end=end, file=self.out, flush=True)

    def bold(self, text):
        return self._coloured("1", text)

    def good(self, text):
        return self._coloured("32", text)

    def bad(self, text):
        return self._coloured("1;31", text)

    def dim(self, text):
        return self._coloured("2", text)

    def _coloured(self, code, text):
        return "\033[%sm%s\033[0m" % (code, text) if self.colour else text
