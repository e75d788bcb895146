"""What an apply left on a host, and what differs from it now: pure. `ops.jobs.drift_*` looks, this room thinks."""
