"""The scheduler: owns shards, advances their executions, commits in groups, and acts only after the commit."""
