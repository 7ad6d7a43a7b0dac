"""Readers for container formats of untrusted files. They bound time and memory, and never run file content."""
