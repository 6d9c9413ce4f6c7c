"""POST /api/models/{id}/documents/bulk: many files, and zip files, in one form."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from django.core.files import File
from django.http import QueryDict
from django.http.multipartparser import MultiPartParser as DjangoMultiPartParser
from django.http.multipartparser import MultiPartParserError
from django.utils.datastructures import MultiValueDict
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.exceptions import ParseError
from rest_framework.parsers import DataAndFiles, MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from collections_app.access import get_managed
from config.api import throttling
from config.errors import VerbatimError
from documents.api.serializers import BulkSerializer
from documents.ingestion import storage
from documents.models import SameName
from documents.uploads import archive, bulk
from documents.uploads.names import is_rubbish, is_zip


class BulkForm(serializers.Serializer):
    """The form: files, whose names may hold folders."""

    files = serializers.ListField(
        child=serializers.FileField(allow_empty_file=True, max_length=None), allow_empty=False
    )
    same_name = serializers.ChoiceField(SameName.choices, required=False, default=SameName.KEEP)


class _KeepsFolders(DjangoMultiPartParser):
    """Django cuts folders off; here they are wanted, for display: `clean_name` makes them harmless."""

    def sanitize_file_name(self, file_name: str) -> str | None:
        return file_name.strip() or None


class FoldersMultiPartParser(MultiPartParser):
    """Files get `relative_name` from the upload handler."""

    def parse(self, stream: Any, media_type: Any = None, parser_context: Any = None) -> DataAndFiles:
        request = (parser_context or {})["request"]
        meta = request.META | {"CONTENT_TYPE": media_type}
        try:
            data, files = _KeepsFolders(meta, stream, request.upload_handlers, "utf-8").parse()
        except MultiPartParserError as error:
            raise ParseError(str(error)) from error
        return DataAndFiles(data, files)


class BulkUpload(APIView):
    """POST: make documents of many files (admins)."""

    parser_classes = (FoldersMultiPartParser,)

    @extend_schema(request={"multipart/form-data": BulkForm}, responses=BulkSerializer)
    def post(self, request: Request, collection_id: int) -> Response:
        """Each file is taken or refused by itself; zip files are unpacked."""
        throttling.hit("upload", str(request.user.pk), fail_closed=False)
        collection = get_managed(request.user, collection_id)  # before the body is looked at
        files = request.FILES if isinstance(request.FILES, MultiValueDict) else MultiValueDict()
        sent = files.getlist("files") + files.getlist("file")
        form = BulkForm(data={"files": sent, "same_name": _field(request, "same_name") or SameName.KEEP})
        form.is_valid(raise_exception=True)
        done = bulk.Bulk()
        for file in sent:
            name = getattr(file, "relative_name", None) or file.name or ""
            if is_rubbish(name):
                continue
            options = {
                "actor": request.user,
                "collection": collection,
                "same_name": form.validated_data["same_name"],
                "into": done,
            }
            if _zipped(file, name):
                try:
                    bulk.zip_keep(path=Path(file.temporary_file_path()), **options)
                except VerbatimError as error:
                    done.refuse(name, error)
            else:
                bulk.documents_keep(arrivals=_stored(file, name), **options)
        return Response(BulkSerializer(done).data)


def _field(request: Request, name: str) -> str | None:
    return request.data.get(name) if isinstance(request.data, QueryDict) else None


def _zipped(file: File, name: str) -> bool:
    file.seek(0)
    head = file.read(4)
    file.seek(0)
    return is_zip(name, head)


def _stored(file: File, name: str) -> Iterable[archive.Unpacked]:
    try:
        yield name, storage.store(file)
    except VerbatimError as error:
        yield name, error
