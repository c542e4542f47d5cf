"""The express lane: executions in memory."""
