"""The ensemble: blending of models, reconciliation with the totals, and the selection of both on a backtest."""
