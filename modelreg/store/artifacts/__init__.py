"""The content-addressed store: every file of every version, as blobs of an OCI image layout."""
