"""Operating system services: files, locks, the clock, durability, Ctrl-C. Knows nothing about models."""
