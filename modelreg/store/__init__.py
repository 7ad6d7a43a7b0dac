"""One registry folder: its layout and locks, the SQLite catalog, and the artifacts in an OCI image layout."""
