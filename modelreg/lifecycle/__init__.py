"""What can be done with a registered version: stages, gates, rollback, deletion, metadata, history."""
