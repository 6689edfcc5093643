"""Raw sales in: reading, validation, quarantine; in folders of their own, what `init` infers and sample data.

`foresell.data.read.read(settings, base)` gives a `Loaded`: the panel, the findings, the bad rows.
`foresell.data.codes.CODES` explains every code that a finding may have. The modules here are the way of a file to the
panel: files, text, values, tables, rows (or daycolumns), cube, sides, pricing, telltale, assemble, checks, quarantine.
"""
