"""Every budget of traceview, measured and printed as one table: `python -m benchmarks.budgets`."""
