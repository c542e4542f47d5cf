"""Execution logs: history events written to the sinks of a state machine's loggingConfiguration."""
