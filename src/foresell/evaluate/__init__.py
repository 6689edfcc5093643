"""Backtests by rolling origin, and the metrics that judge a forecast."""
