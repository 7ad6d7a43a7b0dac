"""Tables in files: CSV and parquet, read in bounded memory, and predictions, written whole or not at all."""
