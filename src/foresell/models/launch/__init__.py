"""Forecasts for new products, from attributes and the launches of others."""
