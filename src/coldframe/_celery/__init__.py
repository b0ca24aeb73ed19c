"""The only package that knows Celery's insides: transport, node, pool, beat, result store, patches."""
