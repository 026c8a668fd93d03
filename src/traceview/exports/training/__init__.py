"""Exports for people who train and evaluate: conversations, preference pairs, data set directories."""
