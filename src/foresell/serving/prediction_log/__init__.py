"""The log of predictions: written off the request's path, read back by monitoring."""
