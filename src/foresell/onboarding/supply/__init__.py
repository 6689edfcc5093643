"""Tables of supply beside the sales, such as stock, terms, vendors and centres, as `foresell init` finds them."""
