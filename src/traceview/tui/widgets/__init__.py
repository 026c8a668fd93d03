"""Widgets: they get data or a callable, never the store."""
