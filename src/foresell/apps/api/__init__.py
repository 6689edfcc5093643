"""The HTTP API over `serving`: it translates between requests and the service, and does no arithmetic."""
