"""What is read from the catalog and written to it, by subject: functions over an open connection."""
