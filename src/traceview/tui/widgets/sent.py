"""The base of messages that say which widget sent them."""

from __future__ import annotations

from typing import ClassVar, Generic, TypeVar

from textual.message import Message
from textual.widget import Widget

Sender = TypeVar("Sender", bound=Widget)


class Sent(Message, Generic[Sender]):
    """A message of a widget; `newest_counts` says that a later one of its kind makes it irrelevant."""

    newest_counts: ClassVar[bool] = False

    def __init__(self, sender: Sender) -> None:
        super().__init__()
        self._widget = sender
        # Whoever called the widget when it sent this: a message goes no further up than to whom it is said to be from.
        self.set_sender(sender)

    @property
    def control(self) -> Sender:
        """The widget that sent it."""
        return self._widget

    def can_replace(self, message: Message) -> bool:
        """True if this message need not be handled because `message` waits behind it."""
        return self.newest_counts and isinstance(message, type(self))
