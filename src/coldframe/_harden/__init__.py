"""Break every run of a scenario at every place, and say in a line what broke."""
