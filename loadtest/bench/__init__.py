"""The benchmark: real processes, durable Postgres, load over HTTP, every execution accounted for."""
