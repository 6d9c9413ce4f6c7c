"""Reading the corpora and writing them as finished documents, for benchmarks of retrieval."""

import hashlib
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any


def lines(path: Path) -> Iterator[dict[str, Any]]:
    """The objects of a .jsonl file."""
    with path.open(encoding="utf-8") as file:
        for line in file:
            yield json.loads(line)


def qrels(path: Path) -> dict[str, dict[str, int]]:
    """Query id -> document id -> relevance, those from 1 only."""
    relevant: dict[str, dict[str, int]] = {}
    for line in path.read_text(encoding="utf-8").splitlines()[1:]:
        query, document, score = line.split("\t")
        if int(score) > 0:
            relevant.setdefault(query, {})[document] = int(score)
    return relevant


def person(name: str, **settings: Any) -> tuple[Any, Any]:
    """An admin, and a collection with these settings."""
    from django.conf import settings as django_settings

    from accounts.models import Role, User
    from collections_app.models import Collection

    user = User.objects.create_user(f"{name}@example.com", "a-long-and-rare-passphrase", role=Role.ADMIN)
    collection = Collection.objects.create(
        name=name,
        embedding_model=django_settings.EMBEDDING_MODEL,
        embedding_dimension=django_settings.EMBEDDING_DIMENSION,
        **settings,
    )
    return user, collection


def load_documents(collection: Any, entries: Iterator[dict[str, Any]]) -> dict[str, int]:
    """Write each entry {id, title, text} as a document of one chunk; returns entry id -> chunk id."""
    from django.db import connection
    from django.utils import timezone

    from documents.embedding.registry import get_embedder
    from documents.models import Chunk, Document, MediaType, Status

    embedder = get_embedder()
    entries = list(entries)
    documents = Document.objects.bulk_create(
        Document(
            collection=collection,
            name=f"{entry['id']}.txt",
            title=entry["title"][:255],
            media_type=MediaType.TEXT,
            size=len(entry["text"]),
            sha256=hashlib.sha256(entry["id"].encode()).hexdigest(),
            status=Status.COMPLETED,
            generation=1,
            active_generation=1,
            embedding_model=collection.embedding_model,
            chunk_count=1,
            served_chunks=1,
            token_count=len(entry["text"].split()),
            served_tokens=len(entry["text"].split()),
            completed_at=timezone.now(),
        )
        for entry in entries
    )
    vectors = embedder.embed([f"{entry['title']}\n{entry['text']}" for entry in entries])
    chunks = Chunk.objects.bulk_create(
        (
            Chunk(
                document=document,
                collection=collection,
                generation=1,
                part_index=0,
                index=0,
                content=entry["text"],
                context=entry["title"],
                char_start=0,
                char_end=len(entry["text"]),
                token_count=len(entry["text"].split()),
                embedding=vector.tolist(),
                language=collection.text_search_config,
            )
            for entry, document, vector in zip(entries, documents, vectors, strict=True)
        ),
        batch_size=500,
    )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE documents_chunk")
    return {entry["id"]: chunk.pk for entry, chunk in zip(entries, chunks, strict=True)}


def ingest(user: Any, collection: Any, files: Iterable[tuple[str, bytes]]) -> None:
    """Files through the real upload and the real work of a worker, in this process.

    Raises:
        RuntimeError: one did not end as completed.
    """
    from django.core.files.uploadedfile import SimpleUploadedFile
    from django.db import connection

    from documents import services
    from documents.ingestion.part import part_process
    from documents.ingestion.split import document_split
    from documents.models import Status
    from documents.retrieval import lexical

    for name, content in files:
        file = SimpleUploadedFile(name, content)
        document = services.document_upload(actor=user, collection=collection, file=file)
        parts = list(document_split(document_id=document.pk))
        while parts:
            parts += part_process(part_id=parts.pop(0))
        document.refresh_from_db()
        if document.status != Status.COMPLETED:
            raise RuntimeError(f"{name} is {document.status}: {document.error_message}")
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE documents_chunk")
    lexical.forget_statistics()
