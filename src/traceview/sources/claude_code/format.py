"""Session transcripts of Claude Code: what they look like; `reading` is imported once there is such a file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from traceview.sources.base import CanonicalRow, ConvertedFormat, Probe, ReadReport


class ClaudeCodeTranscripts:
    """JSON lines of a session: user and assistant lines, tool results, and lines of the client's own."""

    name = "claude-code"

    def recognise(self, probe: Probe) -> bool:
        """True for lines that name their session and their type."""
        if probe.container != "json" or not isinstance(probe.first, dict):
            return False
        head = probe.head
        marked = b'"sessionId"' in head and (b'"type":"user"' in head or b'"type": "user"' in head)
        return marked and (b'"parentUuid"' in head or b'"cwd"' in head) and "type" in probe.top_keys

    def read(self, probe: Probe, report: ReadReport) -> Iterator[list[CanonicalRow]]:
        """Batches of canonical rows of one file alone."""
        return self.together([probe], report).read(probe, report)

    def together(self, probes: Sequence[Probe], report: ReadReport) -> ConvertedFormat:
        """A reader that hangs sub-agents under the tool calls that started them."""
        from traceview.sources.claude_code.reading import TranscriptReader

        return TranscriptReader(self.name, probes)

    def related(self, probes: Sequence[Probe]) -> Sequence[Sequence[Probe]]:
        """A session and its sub-agents, which lie in a directory of the session's name."""
        sessions: dict[str, list[Probe]] = {}
        for probe in probes:
            path = probe.path
            session = path.parent.parent if path.parent.name == "subagents" else path.with_suffix("")
            sessions.setdefault(str(session), []).append(probe)
        return list(sessions.values())
