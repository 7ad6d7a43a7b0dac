"""Read tables from files in bounded memory, and write predictions to files atomically."""
