"""Benchmarks that print a ratio against a baseline of the same run."""
