"""Where results are kept: tables at a path or in a bucket, the results of each step, delivery to SQL."""
