"""Map runs of distributed Maps: driven by the scheduler that owns the parent's shard, from rows alone."""
