"""Storage: tables at a path or in a bucket, results of steps, delivery to SQL databases, locks, space on disks."""
