"""Reports: what a run did, and where the bytes of a module are, for people and for programs.

=============  =================================================================================
`schema`       the report as data: `wasmopt.report/1`
`codec`        between such data, JSON, and JSON Schema
`build`        makes the report of a run
`measure`      sizes of files, sections and functions
`budgets`      limits on sizes
`tables`       the tables of a report, drawn by `terminal`, `markdown` and `html`
`compare`      two reports side by side
`graph`        who refers to whom in a module; `dominators` gives what each part keeps alive
`treemap`      areas in proportion to sizes
=============  =================================================================================
"""
