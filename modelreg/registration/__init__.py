"""How files, and what is logged or stored already, become a model version."""
