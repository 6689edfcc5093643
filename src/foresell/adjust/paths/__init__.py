"""Sample paths: how errors of days and series depend on each other, paths drawn so, and quantiles of sums of them."""
