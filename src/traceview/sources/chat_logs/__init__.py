"""Logs of conversations: a list of messages a line."""

from __future__ import annotations

from traceview.sources.chat_logs.format import ChatLogs

__all__ = ["ChatLogs"]
