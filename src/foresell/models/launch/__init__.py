"""The launch model: forecasts for new products, from their attributes and from earlier launches."""
