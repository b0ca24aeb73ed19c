"""People, and what they are told."""
