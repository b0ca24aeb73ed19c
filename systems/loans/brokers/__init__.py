"""Branches, business development managers and brokers."""
