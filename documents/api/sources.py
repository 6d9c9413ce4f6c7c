"""The originals behind citations: the file itself, and PDF pages as images."""

import asyncio
import base64
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from django.http import HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.utils.http import content_disposition_header
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from config.errors import ErrorCode, VerbatimError
from documents import selectors
from documents.api.ranges import NotSatisfiable, asked_range
from documents.ingestion import storage
from documents.models import Document, MediaType
from documents.parsing.guards import parser_child

BLOCK = 256 * 1024
IMAGE_WIDTH = 1200
RENDER_SECONDS = 20
NOTHING_ALLOWED = "default-src 'none'; frame-ancestors 'self'; sandbox"
# A sandboxed PDF is not shown by Chromium's viewer, which runs in a sandbox of its own.
ONLY_A_VIEWER = "default-src 'none'; object-src 'self'; style-src 'unsafe-inline'; frame-ancestors 'self'"


class AnyAccept(BaseContentNegotiation):
    """These answers have one form, whatever `Accept` says."""

    def select_renderer(self, request: Request, renderers: Any, format_suffix: Any = None) -> Any:
        return renderers[0], renderers[0].media_type

    def select_parser(self, request: Request, parsers: Any) -> Any:
        return parsers[0]


class HighlightQuery(serializers.Serializer):
    """`?highlight=` is a chunk's id."""

    highlight = serializers.IntegerField(required=False, min_value=1)


class DocumentFile(APIView):
    """GET: the original, as a download; a PDF may be shown in place with `?inline=1`."""

    content_negotiation_class = AnyAccept

    @extend_schema(
        parameters=[
            OpenApiParameter("Range", str, OpenApiParameter.HEADER, description="`bytes=0-1023`; one range."),
            OpenApiParameter("If-Range", str, OpenApiParameter.HEADER, description="The ETag."),
        ],
        responses={
            (200, "application/octet-stream"): OpenApiTypes.BINARY,
            (206, "application/octet-stream"): OpenApiTypes.BINARY,
            416: None,
        },
    )
    def get(self, request: Request, document_id: int) -> HttpResponseBase:
        document = selectors.document_for(request.user, document_id)
        path = original_of(document)
        size = path.stat().st_size
        tag = f'"{document.sha256}"'
        try:
            part = _part(request, tag, size)
        except NotSatisfiable:
            return HttpResponse(status=416, headers={"Content-Range": f"bytes */{size}"})
        first, last = part or (0, size - 1)
        inline = document.media_type == MediaType.PDF and request.query_params.get("inline") == "1"
        own_name = document.name.rsplit("/", 1)[-1]
        response = StreamingHttpResponse(
            _blocks(path, first, last + 1 - first),
            content_type=document.media_type,
            status=206 if part else 200,
        )
        if part:
            response["Content-Range"] = f"bytes {first}-{last}/{size}"
        response["Accept-Ranges"] = "bytes"
        response["ETag"] = tag
        response["Content-Length"] = str(last + 1 - first)
        response["Content-Disposition"] = content_disposition_header(not inline, own_name) or "attachment"
        response["Content-Security-Policy"] = ONLY_A_VIEWER if inline else NOTHING_ALLOWED
        response["X-Content-Type-Options"] = "nosniff"
        return response


class DocumentPage(APIView):
    """GET: one page of a PDF as an image; `?highlight=` marks a chunk's text on it."""

    content_negotiation_class = AnyAccept

    @extend_schema(
        parameters=[OpenApiParameter("highlight", int, description="Id of the chunk to mark.")],
        responses={(200, "image/png"): OpenApiTypes.BINARY},
    )
    def get(self, request: Request, document_id: int, page: int) -> HttpResponse | Response:
        query = HighlightQuery(data=request.query_params)
        query.is_valid(raise_exception=True)
        document = selectors.document_for(request.user, document_id)
        chunk_id = query.validated_data.get("highlight")
        if document.media_type != MediaType.PDF:
            raise VerbatimError(ErrorCode.NOT_FOUND)
        tag = f'"{document.sha256[:24]}-{page}-{chunk_id or 0}"'
        if request.headers.get("If-None-Match") == tag:
            response = HttpResponse(status=304)
        else:
            response = HttpResponse(page_image(document, page, chunk_id), content_type="image/png")
        response["ETag"] = tag
        response["Cache-Control"] = "private, max-age=3600"
        response["Content-Security-Policy"] = NOTHING_ALLOWED
        return response


def page_image(document: Document, page: int, chunk_id: int | None) -> bytes:
    """PNG of a page.

    Args:
        page: from 1.
        chunk_id: of this document; its text is marked.

    Raises:
        VerbatimError: NOT_FOUND for a page or chunk that is not there, ORIGINAL_NOT_KEPT, or what is wrong
            with the file.
    """
    passage: dict[str, Any] = {}
    if chunk_id is not None:
        chunk = selectors.chunks_of(document).filter(pk=chunk_id).first()
        if chunk is None:
            raise VerbatimError(ErrorCode.NOT_FOUND)
        if chunk.page_from == page:
            passage = {"highlight": chunk.content, "near": chunk.char_start}
    arguments = {"path": str(original_of(document)), "page": page, "width": IMAGE_WIDTH} | passage
    answer = parser_child().request("render", arguments, seconds=RENDER_SECONDS)
    return base64.b64decode(answer["png"])


def original_of(document: Document) -> Path:
    """Where the original lies.

    Raises:
        VerbatimError: ORIGINAL_NOT_KEPT.
    """
    path = storage.path_of(document.stored_name)
    if not document.stored_name or not path.is_file():
        raise VerbatimError(
            ErrorCode.ORIGINAL_NOT_KEPT, "The original file was not kept.", next_step="Upload the file again."
        )
    return path


def _part(request: Request, tag: str, size: int) -> tuple[int, int] | None:
    """The bytes that are wanted; the whole file when the client's part is of another version."""
    unless = request.headers.get("If-Range")
    if unless is not None and unless.strip() != tag:
        return None
    return asked_range(request.headers.get("Range", ""), size)


async def _blocks(path: Path, first: int, left: int) -> AsyncIterator[bytes]:
    """Part of the file in blocks, read off the event loop: memory never holds a gigabyte."""
    with await asyncio.to_thread(path.open, "rb") as file:
        await asyncio.to_thread(file.seek, first)
        while left > 0 and (block := await asyncio.to_thread(file.read, min(BLOCK, left))):
            left -= len(block)
            yield block
