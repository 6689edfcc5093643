"""The steps in order: the one place where the rooms meet.

`Project` runs them for a folder with a ``foresell.yaml``, keeping results and skipping what is up to date;
`backtest` and `forecast` do the same in memory, from a panel.
"""
