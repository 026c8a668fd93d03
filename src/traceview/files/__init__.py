"""Atomic writes, the fair write lock, and the user's directories."""
