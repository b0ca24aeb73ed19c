"""Keeping the house clean: what nobody needs any more goes away."""
