"""The label store: one SQLite file of rows that are only ever added."""
