"""TestState: one state tried on its own, for the caller of the API."""
