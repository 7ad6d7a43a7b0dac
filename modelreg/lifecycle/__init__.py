"""What happens to a version after its registration: stages, gates, rollback, deletion, metadata, history."""
