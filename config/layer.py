"""The channel layer, made to outlive a restart of Redis also where nobody listens at that moment."""

import uuid

from channels_redis.pubsub import RedisPubSubChannelLayer
from redis.exceptions import RedisError


class PatientLayer(RedisPubSubChannelLayer):
    """Tries twice to open a channel: the connection to Redis may have broken while nobody used it."""

    async def new_channel(self, prefix: str = "specific.") -> str:
        """A new channel's name. Raises Redis' errors when it is away."""
        layer = self._get_layer()
        channel = f"{layer.prefix}{prefix}{uuid.uuid4().hex}"
        try:
            try:
                await layer._subscribe_to_channel(channel)
            except (RedisError, OSError):
                await layer._subscribe_to_channel(channel)
        except (RedisError, OSError):
            layer.channels.pop(channel, None)
            raise
        return channel
