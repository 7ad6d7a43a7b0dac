"""The vocabulary: models, versions, stages, gates and the like as frozen values, without any I/O.

Times are aware datetimes in UTC, sizes are bytes, digests are ``sha256:`` and 64 hexadecimal digits. Modules are
imported one by one, where they are used: each class costs half a millisecond to make.
"""
