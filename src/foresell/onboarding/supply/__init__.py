"""Tables of stock, open orders and terms beside the sales, as `foresell init` finds them."""
