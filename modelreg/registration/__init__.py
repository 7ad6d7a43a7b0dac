"""Registration: create versions from files, logged models or stored bytes."""
