"""The champion in service: one folder that holds all that its answers need, and the answers."""
