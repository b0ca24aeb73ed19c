"""One flaw in each module: the task that has it, its repaired twin, and what Coldframe has to say of both."""
