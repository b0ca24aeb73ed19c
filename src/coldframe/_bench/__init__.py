"""The bench: what a test holds in its hand."""
