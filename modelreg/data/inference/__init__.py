"""Predict with models of any library, and evaluate them."""
