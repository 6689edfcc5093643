"""The dashboard: pages of Streamlit over `foresell.pipeline.views`. It computes nothing.

`launch` starts the server, whose script is `script/main.py`; `session` says whose request it is and asks for views; one
file a page in `pages/`. Text of users reaches a page through `text.plain`, which takes the meaning from all marks of
Markdown.
"""
