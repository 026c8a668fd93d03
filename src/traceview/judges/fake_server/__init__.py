"""A stand-in for the Messages API on this machine: for tests, benchmarks, and trying judges without a key."""
