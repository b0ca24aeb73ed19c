"""Looking at a trace: what waits, what ran, what differs from what was wanted. Pure functions over events."""
