"""Session transcripts of Claude Code, with those of its sub-agents."""

from __future__ import annotations

from traceview.sources.claude_code.format import ClaudeCodeTranscripts

__all__ = ["ClaudeCodeTranscripts"]
