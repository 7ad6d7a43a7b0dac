"""Pickles, followed opcode by opcode without building anything."""
