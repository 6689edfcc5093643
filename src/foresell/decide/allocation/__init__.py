"""How distribution centres share what they have among stores, and what passes through them day by day."""
