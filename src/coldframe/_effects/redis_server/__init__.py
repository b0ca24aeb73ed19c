"""A Redis server in memory that speaks the protocol, so that redis-py's own clients work on a bench as they are.

It keeps its keys where Celery's Redis result store on the bench keeps its own, in virtual time.
"""
