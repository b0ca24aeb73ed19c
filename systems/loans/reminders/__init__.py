"""Reminders that people write themselves."""
