"""Looks into files of strangers: bounded in time and memory, and nothing of them is ever run."""
