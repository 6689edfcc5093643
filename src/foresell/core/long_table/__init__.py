"""A long table of sales, one row for each series and day: its checks, and the cubes that it is laid out as."""
