"""Models of the upper levels: sums are steadier than single series, and show effects that are small in each of them.

`panel_of_sums` makes one panel of all groups, `totals` fits the models and averages their forecasts. A global model can
be one of them, and a Gaussian process that only sums have (`gaussian_process`): `calendar_days` and `calendar_kernel`
say how alike two days are, `process` is the arithmetic, `log_sums` and `parents` what it looks at.
"""
