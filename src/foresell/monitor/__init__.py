"""Watching forecasts: whether they still hold, what has changed, and who is told."""
