"""The charts of the dashboard: one file a chart, each a function from a table to a specification of Vega-Lite."""
