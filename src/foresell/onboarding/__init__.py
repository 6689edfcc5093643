"""The work of `foresell init`: examines the sales files and proposes settings, with a reason for each.

`roles.infer` makes a `Proposal` from the columns of the files, and `presets.apply` one for files of a known layout.
`settings_file.write` writes it as a commented ``foresell.yaml``.
"""
