"""A small Django project with one module for each classic flaw of background tasks, and its repair."""
