"""Blending models and choosing how to reconcile them, on the forecasts of a backtest; the fitted combination."""
