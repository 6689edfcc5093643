"""The steps of a project, one file each."""
