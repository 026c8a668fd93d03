"""Checks in Python of the project's own: run in child processes that may hang, print, crash and be killed."""
