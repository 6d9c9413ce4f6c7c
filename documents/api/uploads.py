"""Resumable uploads: the tus protocol, version 1.0.0 (https://tus.io/protocols/resumable-upload)."""

import base64
import binascii
import uuid
from collections.abc import Iterator
from typing import Any

from django.conf import settings
from django.utils.http import http_date
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers, status
from rest_framework.exceptions import UnsupportedMediaType
from rest_framework.parsers import BaseParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.models import User
from config.api import throttling
from config.errors import ErrorCode, VerbatimError
from documents.api.serializers import BulkSerializer, DocumentSerializer
from documents.models import SameName, Upload
from documents.parsing.clean import clean_name
from documents.uploads import services

VERSION = "1.0.0"
EXTENSIONS = "creation,expiration,termination"
PIECE_TYPE = "application/offset+octet-stream"
BLOCK = 256 * 1024
DATETIME = str(settings.REST_FRAMEWORK["DATETIME_FORMAT"])
TUS = OpenApiParameter("Tus-Resumable", str, OpenApiParameter.HEADER, required=True, enum=[VERSION])


class PieceParser(BaseParser):
    """A piece is read as it comes; nothing is parsed."""

    media_type = PIECE_TYPE

    def parse(self, stream: Any, media_type: Any = None, parser_context: Any = None) -> Any:
        return stream


class AnnouncementSerializer(serializers.Serializer):
    """Upload-Length, and Upload-Metadata decoded."""

    size = serializers.IntegerField(min_value=0)
    filename = serializers.CharField(max_length=255)
    model_id = serializers.IntegerField(min_value=1)
    session_id = serializers.UUIDField(required=False, allow_null=True)
    same_name = serializers.ChoiceField(SameName.choices, required=False)
    document_id = serializers.IntegerField(min_value=1, required=False, allow_null=True)


class UploadStateSerializer(serializers.ModelSerializer):
    """An unfinished upload."""

    model_id = serializers.IntegerField(source="collection_id", read_only=True)
    expires_at = serializers.SerializerMethodField()

    class Meta:
        model = Upload
        fields = ("id", "name", "size", "received", "model_id", "session_id", "created_at", "expires_at")
        read_only_fields = fields

    def get_expires_at(self, upload: Upload) -> str:
        return services.expires_at(upload).strftime(DATETIME)


class UploadsQuery(serializers.Serializer):
    """`?model_id=` for those to one model."""

    model_id = serializers.IntegerField(required=False, min_value=1)


class FinishedSerializer(serializers.Serializer):
    """What the last piece is answered with: a document, or for a zip what became of each file."""

    document = DocumentSerializer(required=False)
    documents = DocumentSerializer(many=True, required=False)
    refused = serializers.ListField(child=serializers.DictField(), required=False)


class TusView(APIView):
    """What every address of the protocol has: the version checked, and named in each answer."""

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        spoken = request.headers.get("Tus-Resumable")
        if request.method not in ("GET", "OPTIONS") and spoken != VERSION:
            raise VerbatimError(ErrorCode.UPLOAD_PROTOCOL)

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        response = super().finalize_response(request, response, *args, **kwargs)
        response["Tus-Resumable"] = VERSION
        if response.status_code == status.HTTP_412_PRECONDITION_FAILED:
            response["Tus-Version"] = VERSION
        return response

    @extend_schema(exclude=True)
    def options(self, request: Any, *args: Any, **kwargs: Any) -> Response:
        """What this server can do."""
        response = Response(status=status.HTTP_204_NO_CONTENT)
        response["Tus-Version"] = VERSION
        response["Tus-Extension"] = EXTENSIONS
        response["Tus-Max-Size"] = str(settings.MAX_FILE_SIZE_MB * 1024**2)
        return response


class Uploads(TusView):
    """GET: one's own unfinished uploads. POST: announce a file."""

    @extend_schema(
        parameters=[OpenApiParameter("model_id", int, description="Only those to this model.")],
        responses=UploadStateSerializer(many=True),
    )
    def get(self, request: Request) -> Response:
        query = UploadsQuery(data=request.query_params)
        query.is_valid(raise_exception=True)
        rows = services.uploads_of(_caller(request))
        if model_id := query.validated_data.get("model_id"):
            rows = rows.filter(collection_id=model_id)
        return Response(UploadStateSerializer(rows, many=True).data)

    @extend_schema(
        parameters=[
            TUS,
            OpenApiParameter("Upload-Length", int, OpenApiParameter.HEADER, required=True),
            OpenApiParameter(
                "Upload-Metadata",
                str,
                OpenApiParameter.HEADER,
                required=True,
                description="`key base64,...`: filename, model_id, session_id?, same_name?, document_id?",
            ),
        ],
        request=None,
        responses={201: UploadStateSerializer},
    )
    def post(self, request: Request) -> Response:
        """The header `Location` is where the pieces go."""
        throttling.hit("upload", str(_caller(request).pk), fail_closed=False)
        upload = services.upload_create(actor=_caller(request), **_announced(request))
        response = Response(UploadStateSerializer(upload).data, status=status.HTTP_201_CREATED)
        response["Location"] = f"/api/uploads/{upload.pk}"
        return _with_expiry(response, upload)


class UploadPieces(TusView):
    """HEAD: how much has arrived. PATCH: the next piece. DELETE: give it up."""

    parser_classes = (PieceParser,)

    def head(self, request: Request, upload_id: uuid.UUID) -> Response:
        upload = services.upload_for(_caller(request), upload_id)
        response = Response(status=status.HTTP_200_OK)
        response["Upload-Offset"] = str(upload.received)
        response["Upload-Length"] = str(upload.size)
        response["Upload-Metadata"] = _metadata(upload)
        return _with_expiry(response, upload)

    @extend_schema(
        parameters=[TUS, OpenApiParameter("Upload-Offset", int, OpenApiParameter.HEADER, required=True)],
        request={PIECE_TYPE: OpenApiTypes.BINARY},
        responses={204: None, 200: FinishedSerializer},
    )
    def patch(self, request: Request, upload_id: uuid.UUID) -> Response:
        """204 with the new `Upload-Offset`; the piece that completes the file gets 200 and JSON."""
        if request.content_type != PIECE_TYPE:
            raise UnsupportedMediaType(request.content_type or "")
        offset = _number(request, "Upload-Offset")
        done = services.upload_append(
            actor=_caller(request), upload_id=upload_id, offset=offset, blocks=_blocks(request)
        )
        if done.document is not None:
            response = Response({"document": DocumentSerializer(done.document).data})
        elif done.many is not None:
            response = Response(BulkSerializer(done.many).data)
        else:
            response = Response(status=status.HTTP_204_NO_CONTENT)
            _with_expiry(response, services.upload_for(_caller(request), upload_id))
        response["Upload-Offset"] = str(done.received)
        return response

    @extend_schema(parameters=[TUS], responses={204: None})
    def delete(self, request: Request, upload_id: uuid.UUID) -> Response:
        services.upload_cancel(actor=_caller(request), upload_id=upload_id)
        return Response(status=status.HTTP_204_NO_CONTENT)


def _caller(request: Request) -> User:
    assert isinstance(request.user, User)  # the permission class lets nobody else in
    return request.user


def _announced(request: Request) -> dict[str, Any]:
    fields = _decoded(request.headers.get("Upload-Metadata", ""))
    known = {key: value for key, value in fields.items() if key in AnnouncementSerializer().fields and value}
    if "filename" in known:
        known["filename"] = clean_name(known["filename"])
    given = AnnouncementSerializer(data=known | {"size": _number(request, "Upload-Length")})
    given.is_valid(raise_exception=True)
    data = dict(given.validated_data)
    return data | {"collection_id": data.pop("model_id"), "name": data.pop("filename")}


def _number(request: Request, header: str) -> int:
    text = request.headers.get(header, "")
    if not (text.isascii() and text.isdigit() and len(text) < 19):
        raise VerbatimError(ErrorCode.VALIDATION_ERROR, details={header: ["A whole number is needed."]})
    return int(text)


def _decoded(metadata: str) -> dict[str, str]:
    """`filename d29yZHM=,model_id Mw==` as a dictionary."""
    fields: dict[str, str] = {}
    for pair in filter(None, (part.strip() for part in metadata.split(","))):
        key, _, value = pair.partition(" ")
        try:
            fields[key] = base64.b64decode(value, validate=True).decode("utf-8")
        except (binascii.Error, UnicodeDecodeError) as error:
            raise VerbatimError(
                ErrorCode.VALIDATION_ERROR, details={"Upload-Metadata": [f"{key} is not base64 of UTF-8."]}
            ) from error
    return fields


def _metadata(upload: Upload) -> str:
    fields = {
        "filename": upload.name,
        "model_id": upload.collection_id,
        "session_id": upload.session_id,
        "same_name": upload.same_name,
        "document_id": upload.replaces_id,
    }
    return ",".join(
        f"{key} {base64.b64encode(str(value).encode()).decode()}"
        for key, value in fields.items()
        if value is not None
    )


def _with_expiry(response: Response, upload: Upload) -> Response:
    response["Upload-Expires"] = http_date(services.expires_at(upload).timestamp())
    return response


def _blocks(request: Request) -> Iterator[bytes]:
    stream = request.data
    while hasattr(stream, "read") and (block := stream.read(BLOCK)):
        yield block
