"""What every process needs: settings, clock, ids, logs, metrics, life cycle."""
