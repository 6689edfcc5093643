"""Stock that sells too slowly, and the prices at which it sells best."""
