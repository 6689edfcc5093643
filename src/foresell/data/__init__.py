"""Raw sales in: reading, validation, quarantine; what columns mean; a synthetic retailer.

`foresell.data.read.read(settings, base)` gives a `Loaded`: the panel, the findings, the bad rows.
`foresell.data.codes.CODES` explains every code that a finding may have.
"""
