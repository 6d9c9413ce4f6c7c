"""Bearer tokens for the API."""

from rest_framework.authentication import BaseAuthentication


class BearerAuthentication(BaseAuthentication):
    """Placeholder until the accounts work lands in the next commit."""

    def authenticate(self, request):
        return None
