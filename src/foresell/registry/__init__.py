"""Runs and versions, the champion, and the gate to promotion."""
