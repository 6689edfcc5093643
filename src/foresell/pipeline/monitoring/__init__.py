"""What `foresell monitor` does in a project: kept forecasts, fresh sales, checks, the page."""
