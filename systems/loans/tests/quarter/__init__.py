"""A quarter in the life of a small office, on the bench: `python -m tests.quarter`."""
