"""The script of the dashboard, in a folder of its own: Streamlit would run the files of a folder `pages` beside it."""
