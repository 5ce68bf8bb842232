"""What came out of a run, as a table and as a file."""
