"""Reconciliation of the forecasts of all levels, and the ranges around them."""
