"""Labelled data out, one module per format."""
