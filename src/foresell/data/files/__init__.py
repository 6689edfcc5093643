"""Files of sales as they stand on disk or in a bucket: which there are, and their text in records of UTF-8.

`input_files` finds and opens them; `workbooks` and `archives` read the tables within one file, which `containers`
names. `text_records` cuts text into records; `header_row` and `quoting` deal with what other programs write.
"""
