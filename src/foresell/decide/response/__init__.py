"""What a promotion or a price did to demand, measured against what would have been sold without it."""
