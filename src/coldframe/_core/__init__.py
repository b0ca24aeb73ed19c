"""Clock, scheduler, randomness and trace: the simulation itself, which knows nothing of Celery."""
