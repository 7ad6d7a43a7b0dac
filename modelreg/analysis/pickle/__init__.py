"""Reads pickles opcode by opcode into an object graph, without importing or calling anything."""
