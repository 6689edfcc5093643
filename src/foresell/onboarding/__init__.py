"""What `foresell init` does: a look at the files, and settings proposed from it, each with its reason.

`foresell.onboarding.roles.infer(sales, base)` gives a `Proposal`, `presets.apply` one for files of a known layout,
and `settings_file.write` writes it as a commented ``foresell.yaml``.
"""
