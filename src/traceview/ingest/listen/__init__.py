"""`listen`: an OTLP/HTTP receiver. What is answered with 200 is on disk in an inbox, and becomes parts of the store."""
