"""The pages of the site that are made from the code: `site_pages` has the hooks that MkDocs calls, the other files the
Markdown of one kind of reference each."""
