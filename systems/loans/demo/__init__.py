"""Everything in one process, with data to look at: `manage.py demo`."""
