"""Series and rows that are left out: charges, totals, and what a column marks as no sale."""
