"""Series that are left out: charges, totals, and what the settings list."""
