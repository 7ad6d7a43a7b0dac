"""Running a model on data: predictions, and how good they are."""
