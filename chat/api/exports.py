"""Conversations as files: one as Markdown or JSON, all of one's own as a zip."""

import uuid
from collections.abc import Iterator

from django.http import StreamingHttpResponse
from django.utils import timezone
from django.utils.http import content_disposition_header
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.views import APIView

from accounts.permissions import caller
from chat import selectors
from chat.api.negotiation import JsonOnly
from chat.engine import repair
from chat.export import FORMATS, file_name, in_pieces, session_pieces, zip_pieces
from config.database import release_connections
from config.errors import ErrorCode, VerbatimError

TYPES = {"md": "text/markdown; charset=utf-8", "json": "application/json"}


class ExportView(APIView):
    """A conversation as a file, with its sources."""

    api_key_methods = ("GET",)
    content_negotiation_class = JsonOnly

    @extend_schema(
        parameters=[OpenApiParameter("format", str, enum=FORMATS)],
        responses={(200, "text/markdown"): OpenApiTypes.STR, (200, "application/json"): OpenApiTypes.OBJECT},
    )
    def get(self, request: Request, session_id: uuid.UUID) -> StreamingHttpResponse:
        """`?format=md` (the default) or `json`."""
        session = selectors.session_for(caller(request), session_id)
        form = _form(request, "md")
        repair.repair_session(session.pk)
        return _file(session_pieces(caller(request), session, form), file_name(session, form), TYPES[form])


class ExportAllView(APIView):
    """All of the caller's conversations in a zip, while it is made."""

    api_key_methods = ("GET",)
    content_negotiation_class = JsonOnly

    @extend_schema(
        parameters=[OpenApiParameter("format", str, enum=FORMATS)],
        responses={(200, "application/zip"): OpenApiTypes.BINARY},
    )
    def get(self, request: Request) -> StreamingHttpResponse:
        """Each as Markdown and as JSON, or with `?format=` as one of them. Empty without conversations."""
        form = _form(request, "")
        pieces = zip_pieces(caller(request), (form,) if form else FORMATS)
        return _file(pieces, f"verbatim-chats-{timezone.now():%Y-%m-%d}.zip", "application/zip")


def _form(request: Request, default: str) -> str:
    form = request.query_params.get("format", default)
    if form not in (*FORMATS, default):
        raise VerbatimError(ErrorCode.VALIDATION_ERROR, details={"format": ["Choose md or json."]})
    return form


def _file(pieces: Iterator[str] | Iterator[bytes], name: str, media_type: str) -> StreamingHttpResponse:
    release_connections()  # each piece takes one for itself
    response = StreamingHttpResponse(in_pieces(pieces), content_type=media_type)
    response["Content-Disposition"] = content_disposition_header(True, name) or "attachment"
    response["X-Content-Type-Options"] = "nosniff"
    response["Cache-Control"] = "no-store"
    return response
