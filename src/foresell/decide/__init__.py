"""Decisions: from the distribution of demand and from costs to an order. Nothing here forecasts."""
