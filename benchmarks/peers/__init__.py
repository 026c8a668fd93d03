"""The same work with what people use now: `python -m benchmarks.peers`."""
