"""The worker: claims attempts, runs each at most once per grant, and keeps the result until it is acknowledged."""
