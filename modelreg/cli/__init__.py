"""The command line: every command parses, asks the `Registry`, and renders. Typer is used here and nowhere else."""
