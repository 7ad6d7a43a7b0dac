"""What the operating system gives: files, locks, the clock, durability, Ctrl-C. Knows nothing of models."""
