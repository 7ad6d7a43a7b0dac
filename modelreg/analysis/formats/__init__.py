"""Finds the code that model formats other than plain pickles would run when they are loaded."""
