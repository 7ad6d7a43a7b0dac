"""Decisions without I/O: what a transition does, what gates say, and which version a rollback brings back."""
