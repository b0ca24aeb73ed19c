"""Each background task, to be broken at every place: `coldframe harden` finds these scenarios."""
