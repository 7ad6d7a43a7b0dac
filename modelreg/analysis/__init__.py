"""Static analysis: scan the files of a model and decide whether loading them is safe, without loading them."""
