"""traceview: read, label and export traces of LLM agents in the terminal."""

__version__ = "0.1.0"
