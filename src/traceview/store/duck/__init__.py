"""The DuckDB engine: every SQL statement over spans is here."""
