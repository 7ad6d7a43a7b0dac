"""The content-addressed store: the files of all versions, as blobs in an OCI image layout."""
