"""Dates of periods in files."""
