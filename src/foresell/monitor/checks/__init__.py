"""Checks of forecasts against what was sold since."""
