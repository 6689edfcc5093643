"""foresell: sales history into forecasts, and forecasts into decisions."""

__version__ = "0.1.0"
