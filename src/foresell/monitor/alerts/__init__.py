"""Alerts: what each receiver is told, in which words, and how it is sent."""
