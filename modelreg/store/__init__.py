"""One registry folder: its places and locks, the catalog in SQLite, and the artifacts in an OCI image layout."""
