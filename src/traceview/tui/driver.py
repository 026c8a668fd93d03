"""The terminal driver with a quick Esc: a lone one is taken for the key as soon as no sequence can follow."""

from __future__ import annotations

import errno
import os
import selectors
import sys
from codecs import getincrementaldecoder
from typing import Any, TextIO

from textual import constants
from textual._parser import ParseError
from textual._xterm_parser import XTermParser
from textual.drivers.linux_driver import LinuxDriver

ESCAPE = "\x1b"
SLACK_SECONDS = 0.002
"""Added to the wait, so that the parser's own clock has surely run out."""
IDLE_SECONDS = 0.1
"""How often the thread looks whether the app has ended."""


class TerminalOutput:
    """Where the app paints: standard error, or standard output where that alone is the terminal.

    A terminal that is gone takes no more: what is written then is dropped, so that the app can end in good order.
    """

    def __init__(self, error: TextIO, output: TextIO) -> None:
        self._file = error
        if not error.isatty() and output.isatty():
            self._file = os.fdopen(  # as long as the app paints
                os.dup(output.fileno()), "w", encoding=error.encoding, errors="backslashreplace"
            )

    def write(self, text: str) -> int:
        """Write a text; how much of it was taken."""
        try:
            return self._file.write(text)
        except OSError:
            return 0

    def flush(self) -> None:
        """Send what was written."""
        try:
            self._file.flush()
        except OSError:
            return

    def fileno(self) -> int:
        """The descriptor of the terminal."""
        return self._file.fileno()

    def isatty(self) -> bool:
        """Whether it is a terminal still."""
        return self._file.isatty()


class QuickEscapeDriver(LinuxDriver):
    """Waits for the rest of an escape sequence only as long as `ESCDELAY` says, not until the next look.

    On a terminal that cannot show our signs their ASCII signs are written in their place (`App.written`).
    When the terminal is closed, the app is told so (`App.terminal_closed`).
    """

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        assert sys.__stderr__ is not None
        assert sys.__stdout__ is not None
        self._file: Any = TerminalOutput(sys.__stderr__, sys.__stdout__)

    def start_application_mode(self) -> None:
        """Take the terminal, at the start and when it was lent to somebody: what it shows is not known."""
        painted = getattr(self._app, "painted", None)
        if painted is not None:
            painted.forget()
        super().start_application_mode()  # type: ignore[no-untyped-call]

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
                    text = ""
                    if selector.select(wait):
                        read = self._read()
                        if read is None:
                            self._loop.call_soon_threadsafe(
                                getattr(self._app, "terminal_closed", self._app.exit)
                            )
                            return
                        text = decode(read)
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

    def _read(self) -> bytes | None:
        """What was typed; None if the terminal is closed, or no longer ours to read."""
        try:
            read = os.read(self.fileno, 4096)
        except OSError as error:
            if error.errno in (errno.EIO, errno.ENXIO, errno.EBADF):
                return None
            raise
        if not read:
            if not os.isatty(self.fileno):
                return None
            # Another program has put the terminal into its line mode, and somebody pressed Ctrl+D there.
            self.exit_event.wait(IDLE_SECONDS)
        return read
