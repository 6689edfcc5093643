"""Drift of inputs and predictions."""
