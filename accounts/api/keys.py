"""One's own API keys. A key itself opens none of this: who found one must not make himself another."""

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import generics, serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts import api_keys
from accounts.models import ApiKey
from accounts.permissions import caller
from config.api.throttling import client_address


class ApiKeySerializer(serializers.ModelSerializer):
    """A key, without what opens anything."""

    class Meta:
        model = ApiKey
        fields = ["id", "name", "prefix", "created_at", "last_used_at", "expires_at"]
        read_only_fields = fields


class ApiKeyInput(serializers.Serializer):
    """What the key is for, and when it ends by itself."""

    name = serializers.CharField(max_length=100)
    expires_at = serializers.DateTimeField(required=False, allow_null=True, default=None)


class ApiKeyCreatedSerializer(ApiKeySerializer):
    key = serializers.CharField(help_text="Told this once.")

    class Meta(ApiKeySerializer.Meta):
        fields = [*ApiKeySerializer.Meta.fields, "key"]


class ApiKeys(generics.ListAPIView):
    """GET: one's own keys, the newest first. POST: a new one; the answer is the only place that shows it."""

    serializer_class = ApiKeySerializer
    filter_backends = ()
    queryset = ApiKey.objects.none()

    def get_queryset(self) -> QuerySet[ApiKey]:
        return api_keys.keys_of(caller(self.request))

    @extend_schema(request=ApiKeyInput, responses={201: ApiKeyCreatedSerializer})
    def post(self, request: Request) -> Response:
        body = ApiKeyInput(data=request.data)
        body.is_valid(raise_exception=True)
        key, raw = api_keys.key_create(
            user=caller(request), address=client_address(request), **body.validated_data
        )
        return Response({**ApiKeySerializer(key).data, "key": raw}, status=status.HTTP_201_CREATED)


class ApiKeyDetail(APIView):
    """One of one's own keys."""

    @extend_schema(responses={204: None})
    def delete(self, request: Request, key_id: int) -> Response:
        """Revoke it, at once."""
        key = api_keys.key_for(caller(request), key_id)
        api_keys.key_delete(actor=caller(request), key=key, address=client_address(request))
        return Response(status=status.HTTP_204_NO_CONTENT)
