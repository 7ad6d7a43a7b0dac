"""Maintenance of a registry: verification, pruning and backup."""
