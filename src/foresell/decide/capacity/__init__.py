"""Capacity over manufacturers: who makes how much of what in which period, and what one more hour would be worth."""
