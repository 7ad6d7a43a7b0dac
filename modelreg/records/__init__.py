"""What the registry hands out: frozen values, whole when made, one module a subject.

Times are aware datetimes in UTC, sizes are bytes, digests are ``sha256:`` and 64 hexadecimal digits. A command
imports the records that it needs alone: each class costs half a millisecond to make.
"""
