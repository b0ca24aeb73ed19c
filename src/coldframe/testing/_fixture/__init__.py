"""What stands behind the pytest fixture."""
