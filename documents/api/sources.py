"""The originals behind citations: the file itself, PDF pages as images, numbered lines of texts."""

import asyncio
import base64
from collections.abc import AsyncIterator
from dataclasses import dataclass
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
from rest_framework.views import APIView

from config.database import release_connections
from config.errors import ErrorCode, VerbatimError
from documents import selectors
from documents.api.ranges import NotSatisfiable, asked_range
from documents.ingestion import storage
from documents.models import Document, DocumentPart, MediaType
from documents.parsing.guards import parser_child

BLOCK = 256 * 1024
IMAGE_WIDTH = 1200
RENDER_SECONDS = 20
LINES_SECONDS = 10
CONTEXT_LINES = 12
MOST_PARTS = 8  # of a text, that are read for one passage: lines that are longer are not worth showing
NOT_THESE_LINES = "The document is read in another way by now: these lines are not known any more."
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
    """GET: one page of a PDF as an image; `?highlight=` marks a chunk's text on it.

    `Passage-Marked` tells how much of it was found there: all, part, none, or no_text (a picture of a page).
    """

    content_negotiation_class = AnyAccept

    @extend_schema(
        parameters=[OpenApiParameter("highlight", int, description="Id of the chunk to mark.")],
        responses={(200, "image/png"): OpenApiTypes.BINARY},
    )
    def get(self, request: Request, document_id: int, page: int) -> HttpResponse:
        query = HighlightQuery(data=request.query_params)
        query.is_valid(raise_exception=True)
        document = selectors.document_for(request.user, document_id)
        chunk_id = query.validated_data.get("highlight")
        if chunk_id is None:
            return page_response(request, document, page, None)
        chunk = selectors.chunks_of(document).filter(pk=chunk_id).first()
        if chunk is None:
            raise VerbatimError(ErrorCode.NOT_FOUND)
        return page_response(
            request,
            document,
            page,
            MarkedPassage(str(chunk_id), chunk.content, chunk.page_from, chunk.page_to, chunk.char_start),
        )


@dataclass(frozen=True)
class MarkedPassage:
    """What is to be marked on a page.

    Attributes:
        key: tells passages of one document apart, for caches.
        page, page_to: where it begins and ends; None for a passage of no page.
        near: its offset on its first page.
    """

    key: str
    content: str
    page: int | None
    page_to: int | None
    near: int = 0

    def on_page(self, page: int) -> dict[str, Any]:
        """What `parsing.render` needs to mark it; nothing on a page where it does not stand."""
        if self.page is None or not self.page <= page <= (self.page_to or self.page):
            return {}
        if not self.page_to or self.page_to == self.page:
            return {"highlight": self.content, "near": self.near}
        return {"highlight": self.content, "stretch": "head" if page == self.page else "tail"}


def page_response(
    request: Request, document: Document, page: int, passage: MarkedPassage | None
) -> HttpResponse:
    """A page of a document that the caller may see, as PNG.

    Args:
        page: from 1.
        passage: of this very document; it is marked.

    Raises:
        VerbatimError: NOT_FOUND for a page that is not there, ORIGINAL_NOT_KEPT, or what is wrong with the
            file.
    """
    if document.media_type != MediaType.PDF:
        raise VerbatimError(ErrorCode.NOT_FOUND)
    tag = f'"{document.sha256[:24]}-{page}-{passage.key if passage else 0}"'
    if request.headers.get("If-None-Match") == tag:
        response = HttpResponse(status=304)
    else:
        arguments = {"path": str(original_of(document)), "page": page, "width": IMAGE_WIDTH}
        arguments |= passage.on_page(page) if passage else {}
        release_connections()  # none is held while the page is drawn
        drawn = parser_child().request("render", arguments, seconds=RENDER_SECONDS)
        response = HttpResponse(base64.b64decode(drawn["png"]), content_type="image/png")
        response["Passage-Marked"] = drawn["marked"]
    response["ETag"] = tag
    response["Cache-Control"] = "private, max-age=3600"
    response["Content-Security-Policy"] = NOTHING_ALLOWED
    return response


def lines_around(document: Document, first: int, last: int, passage: str) -> tuple[int, list[str]]:
    """Lines of a text that the caller may see, with up to CONTEXT_LINES before and after them.

    They are read as its parts were, so that they are counted and decoded alike, and only these parts of the
    file are read.

    Args:
        first, last: where the passage stands, from 1.
        passage: what must stand there; a document may be read in another way by now than it was once.

    Returns:
        The number of the first line given, and the lines.

    Raises:
        VerbatimError: NOT_FOUND for what is no text, for lines that are too long, or that do not hold the
            passage; ORIGINAL_NOT_KEPT, or what is wrong with the file.
    """
    if document.media_type not in (MediaType.TEXT, MediaType.MARKDOWN):
        raise VerbatimError(ErrorCode.NOT_FOUND)
    arguments = {
        "path": str(original_of(document)),
        "spans": _spans_around(document, first, last),
        "first": first - CONTEXT_LINES,
        "last": last + CONTEXT_LINES,
    }
    release_connections()  # none is held while the file is read
    read = parser_child().request("lines", arguments, seconds=LINES_SECONDS)
    start, found = read["first"], read["lines"]
    if passage not in "\n".join(found[max(first - start, 0) : max(last + 1 - start, 0)]):
        raise VerbatimError(ErrorCode.NOT_FOUND, NOT_THESE_LINES)
    return start, found


def _spans_around(document: Document, first: int, last: int) -> list[dict[str, Any]]:
    """What to read for some lines: the parts that hold them, and one before and after these."""
    parts = DocumentPart.objects.filter(document=document, generation=document.active_generation or 0)
    backwards = parts.order_by("-index").values_list("index", flat=True)
    begin = backwards.filter(span__line__lt=first).first() or 0  # where the first line begins
    end = backwards.filter(span__line__lte=last).first() or 0
    if end - begin >= MOST_PARTS:
        raise VerbatimError(ErrorCode.NOT_FOUND, "The lines of this passage are too long to be shown.")
    near = parts.filter(index__range=(begin - 1, end + 1)).order_by("index")
    spans = [document.reading | span for span in near.values_list("span", flat=True)]
    if not spans:  # another build took their place just now
        raise VerbatimError(ErrorCode.NOT_FOUND, NOT_THESE_LINES)
    return spans


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
