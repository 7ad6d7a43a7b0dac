"""The data that models take: tables in files and in memory, signatures, predictions and scores."""
