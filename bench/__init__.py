"""Benchmarks: each compares the time of a modelreg command with that of a baseline on the same machine."""
