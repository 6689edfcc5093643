"""The plain data that all packages share, without files, models or servers."""
