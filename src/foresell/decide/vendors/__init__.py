"""Orders that vendors and money limit together: joint minima, trucks, price breaks, and a budget over all."""
