"""Formats: recognise a file, map its columns or read it into canonical batches, report what was dropped."""
