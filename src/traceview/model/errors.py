"""Errors that are meant for people: each says what is wrong, where, and what to do next."""

from __future__ import annotations


class TraceviewError(Exception):
    """An error with a sentence for the user, an optional next step and a process exit code."""

    exit_code = 2

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}\n{self.hint}" if self.hint else self.message


class BadInput(TraceviewError):
    """A file, argument or definition that cannot be used as it stands."""


class NotReady(TraceviewError):
    """A question that only a finished index can answer; it may be asked again in the next generation."""


class NotEnoughMemory(TraceviewError):
    """A question that did not fit beside those that ran at the same time, or does not fit at all."""


class Refused(TraceviewError):
    """An action that needs the network or credentials and may not have them."""

    exit_code = 3


class Cancelled(TraceviewError):
    """A query that was interrupted because its answer is no longer wanted."""

    exit_code = 130

    def __init__(self, message: str = "interrupted") -> None:
        super().__init__(message)


def sentence_of(error: BaseException) -> tuple[str, str | None]:
    """What an error says to people, and its hint if it has one."""
    if isinstance(error, TraceviewError):
        return error.message, error.hint
    return str(error) or type(error).__name__, None
