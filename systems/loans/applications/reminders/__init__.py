"""What people are reminded of. Each module says who is told what and when; `sweep` does the telling, once."""
