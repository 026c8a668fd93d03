"""The ledger of model calls: what was planned, sent, paid and answered, in one SQLite file beside the labels."""
