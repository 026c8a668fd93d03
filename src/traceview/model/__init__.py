"""The vocabulary: frozen dataclasses and the canonical schema as plain data; imports nothing of ours."""
