"""SQL by subject: reading and writing the catalog's tables over an open connection."""
