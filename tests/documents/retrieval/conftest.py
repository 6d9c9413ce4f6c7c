"""A function that writes finished documents straight into the database, embedded by the real model."""

import hashlib
import itertools

import pytest
from django.utils import timezone

from documents.embedding.registry import get_embedder
from documents.models import Chunk, Document, MediaType, Status
from documents.retrieval import lexical

_numbers = itertools.count()


@pytest.fixture(autouse=True)
def _no_statistics_of_another_test():
    lexical.forget_statistics()


@pytest.fixture
def document_of():
    """(collection, name, texts, ...) -> a completed document whose chunks are these texts."""

    def make(collection, name, texts, *, generation=1, pages=None, **fields):
        sha256 = hashlib.sha256(f"{name}{next(_numbers)}".encode()).hexdigest()
        values = {
            "media_type": MediaType.TEXT,
            "size": sum(map(len, texts)),
            "sha256": sha256,
            "status": Status.COMPLETED,
            "generation": generation,
            "active_generation": generation,
            "embedding_model": collection.embedding_model,
            "served_chunks": len(texts),
            "served_tokens": sum(len(text.split()) for text in texts),
            "chunk_count": len(texts),
            "token_count": sum(len(text.split()) for text in texts),
            "completed_at": timezone.now(),
        }
        document = Document.objects.create(collection=collection, name=name, **(values | fields))
        add_chunks(document, texts, generation=generation, pages=pages)
        return document

    return make


def add_chunks(document, texts, *, generation, pages=None):
    """Write chunks that lie one after the other in their source."""
    start, chunks = 0, []
    for index, (text, vector) in enumerate(zip(texts, get_embedder().embed(list(texts)), strict=True)):
        page = pages[index] if pages else None
        chunks.append(
            Chunk(
                document=document,
                collection=document.collection,
                session_id=document.session_id,
                generation=generation,
                part_index=0,
                index=index,
                content=text,
                page_from=page,
                page_to=page,
                char_start=start,
                char_end=start + len(text),
                token_count=len(text.split()),
                embedding=vector.tolist(),
                language=document.collection.text_search_config,
            )
        )
        start += len(text)
    Chunk.objects.bulk_create(chunks)
