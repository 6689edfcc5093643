"""The dates of a table: the columns that hold them, how they are written, and which periods they make."""
