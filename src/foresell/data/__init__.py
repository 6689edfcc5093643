"""Reading: sales files go in, a validated panel comes out.

`foresell.data.sales_reader.read_sales(settings, base)` returns a `ValidatedSales`: the panel, the findings and the bad
rows. `foresell.data.finding_codes.CODES` explains every code that a finding may have.

The modules follow the way of a file to the panel: `files` opens them, `typed_tables` reads them, `column_conversion`
their columns; `sales_rows` (or `wide_table`), `side_tables` and `price_table` validate them; `cube`,
`revealing_covariates` and `panel_assembly` build the panel; `panel_checks` and `quarantine` report what was wrong.
"""
