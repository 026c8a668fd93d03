"""The terminal driver with a quick Esc: a lone one is taken for the key as soon as no sequence can follow."""

from __future__ import annotations

import os
import selectors
from codecs import getincrementaldecoder

from textual import constants
from textual._parser import ParseError
from textual._xterm_parser import XTermParser
from textual.drivers.linux_driver import LinuxDriver

ESCAPE = "\x1b"
SLACK_SECONDS = 0.002
"""Added to the wait, so that the parser's own clock has surely run out."""
IDLE_SECONDS = 0.1
"""How often the thread looks whether the app has ended."""


class QuickEscapeDriver(LinuxDriver):
    """Waits for the rest of an escape sequence only as long as `ESCDELAY` says, not until the next look.

    On a terminal that cannot show our signs their ASCII signs are written in their place (`App.written`).
    """

    def write(self, data: str) -> None:
        """Write to the terminal what it can show."""
        written = getattr(self._app, "written", None)
        super().write(data if written is None or data.isascii() else data.translate(written))

    def run_input_thread(self) -> None:
        """Read the terminal and send events until the app ends."""
        parser = XTermParser(self._debug)
        decode = getincrementaldecoder("utf-8")().decode
        wait = IDLE_SECONDS
        try:
            with selectors.SelectSelector() as selector:
                selector.register(self.fileno, selectors.EVENT_READ)
                while not self.exit_event.is_set():
                    text = decode(os.read(self.fileno, 4096)) if selector.select(wait) else ""
                    if text:
                        for event in parser.feed(text):
                            self.process_message(event)
                    for event in parser.tick():
                        self.process_message(event)
                    wait = constants.ESCAPE_DELAY + SLACK_SECONDS if text.endswith(ESCAPE) else IDLE_SECONDS
        finally:
            try:
                for _ in parser.feed(""):
                    pass
            except (EOFError, ParseError):
                # The parser says that it has ended.
                pass
