"""Keeping a registry sound and small: verification, pruning and backup."""
