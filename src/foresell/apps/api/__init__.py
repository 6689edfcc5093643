"""The HTTP API over `flow.service`: it translates between requests and the service, and does no arithmetic."""
