"""The steps of a project in their order: the one place where the rooms meet."""
