"""Lifecycle rules without I/O: transitions, gates, and rollback targets."""
