"""Celery's connection to Redis: a worker outlives the loss of it."""

from typing import Any

from kombu.transport import redis


class PatientQoS(redis.QoS):
    """What a worker has taken and not confirmed.

    When the connection is lost, kombu takes its channel apart, but its own class of this kind uses it all the
    same: to put messages back, where the worker waited for more in that moment, and to confirm those whose
    tasks end later. Either ends the worker, which then stays there and does nothing. Here such a message is
    let go: Redis gives it out again when its time is over, the rows know what is to do, and a second ring is
    harmless.
    """

    def restore_unacked(self, client: Any = None) -> None:
        """Put all messages back."""
        if self._connected():
            super().restore_unacked(client)
        else:
            self._delivered.clear()

    def ack(self, delivery_tag: str) -> None:
        """Confirm one."""
        if self._connected():
            super().ack(delivery_tag)

    def reject(self, delivery_tag: str, requeue: bool = False) -> None:
        """Refuse one."""
        if self._connected():
            super().reject(delivery_tag, requeue)

    def _connected(self) -> bool:
        transport = self.channel.connection
        return transport is not None and transport.client is not None


def outlive_redis() -> None:
    """Let all channels of this process use it."""
    redis.Channel.QoS = PatientQoS
