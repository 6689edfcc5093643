"""The plain data that every room speaks: it knows nothing of files, models or servers."""
