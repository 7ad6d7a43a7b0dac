"""What other formats of models say about the code that they run."""
