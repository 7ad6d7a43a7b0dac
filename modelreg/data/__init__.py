"""The data of models: tables in files and memory, signatures, predictions and scores."""
