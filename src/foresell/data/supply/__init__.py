"""Tables of supply: stock on hand, open orders, costs and terms, laid out for the series of a panel."""
