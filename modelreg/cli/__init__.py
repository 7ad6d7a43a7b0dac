"""The command line. Each command parses its arguments, calls the `Registry` and prints the result; only this package
uses Typer.
"""
