"""The sales as a cube, with a cell for each series and period, before they become a panel."""
