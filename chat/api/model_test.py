"""For admins who set a model up: does its LLM answer, and which providers are there?"""

from dataclasses import asdict
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from chat.llm import discovery
from chat.llm.probe import probe
from chat.llm.registry import PROVIDERS, ProviderInfo
from collections_app import access
from collections_app.models import Provider
from config import outbound
from config.database import release_connections


class ModelTestSerializer(serializers.Serializer):
    """What a test found out. `code` and `next_step` are empty when all is well."""

    ok = serializers.BooleanField()
    message = serializers.CharField()
    took_ms = serializers.IntegerField()
    code = serializers.CharField(allow_blank=True)
    next_step = serializers.CharField(allow_blank=True)
    models = serializers.ListField(child=serializers.CharField())


class ProviderSerializer(serializers.Serializer):
    """What a form must ask for. `available` is null where only a test can tell."""

    id = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]
    hint = serializers.CharField()
    needs_key = serializers.BooleanField()
    takes_key = serializers.BooleanField()
    needs_base_url = serializers.BooleanField()
    needs_model = serializers.BooleanField()
    default_base_url = serializers.CharField(allow_blank=True)
    example_model = serializers.CharField(allow_blank=True)
    available = serializers.BooleanField(allow_null=True)
    models = serializers.ListField(child=serializers.CharField())


class ProvidersSerializer(serializers.Serializer):
    """Every provider, in the order of the form."""

    providers = ProviderSerializer(many=True)


class ModelTestView(APIView):
    """POST (admins): call the model's LLM once and say in words what is wrong."""

    @extend_schema(request=None, responses=ModelTestSerializer)
    def post(self, request: Request, collection_id: int) -> Response:
        """200 also when the LLM is out of order: the test itself worked."""
        collection = access.get_managed(request.user, collection_id)
        release_connections()  # none is held while the LLM thinks
        return Response(asdict(outbound.run_sync(probe(collection))))


class ProvidersView(APIView):
    """GET (admins): the providers, and who answers on this machine."""

    @extend_schema(responses=ProvidersSerializer)
    def get(self, request: Request) -> Response:
        """Answers within 1.5 seconds, whatever the providers do."""
        access.require_manager(request.user)
        found = discovery.look_around()
        return Response({"providers": [_described(info, found) for info in PROVIDERS.values()]})


def _described(info: ProviderInfo, found: discovery.Found) -> dict[str, Any]:
    available: bool | None = None
    models: list[str] = []
    if info.provider == Provider.OLLAMA:
        available, models = found.ollama is not None, found.ollama or []
    elif info.provider == Provider.BUILTIN:
        available = found.builtin
    elif info.provider == Provider.EXTRACTIVE:
        available = True
    return {
        "id": info.provider.value,
        "label": str(info.provider.label),
        "hint": info.hint,
        "needs_key": info.needs_key,
        "takes_key": info.takes_key,
        "needs_base_url": info.needs_base_url,
        "needs_model": info.needs_model,
        # the built-in model's address is this server's own business
        "default_base_url": "" if info.provider == Provider.BUILTIN else info.default_base_url,
        "example_model": info.example,
        "available": available,
        "models": models,
    }
