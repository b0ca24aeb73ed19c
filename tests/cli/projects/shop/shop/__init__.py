"""A shop without a database: what it has done is in memory."""
