"""The runner of model judges: pace, retries, money, replies; it asks a client and keeps account in the ledger."""
