"""This thread's hold on the pool of database connections."""

from django.db import connections


def release_connections() -> None:
    """Give this thread's idle connections back to the pool; one inside a transaction is left alone."""
    for connection in connections.all(initialized_only=True):
        if not connection.in_atomic_block:
            connection.close_if_unusable_or_obsolete()
