"""What of a project a planner should look at: forecasts, sales, stock and data that are not as they usually are."""
