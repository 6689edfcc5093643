"""The smallest page of Streamlit, beside which the dashboard is timed."""

import streamlit as st

st.title("Nothing")
