"""Where tasks touch the world: the network guard, and the project's database."""
