"""Speed of `search` over many chunks: real sentences in new combinations, vectors between real ones."""

import random
import re
import time
from pathlib import Path
from typing import Any

import numpy as np

DOCUMENT_CHUNKS = 200
SENTENCE = re.compile(r"(?<=[.!?])\s+")
STEPS = ("embed", "scope", "dense", "terms", "lexical", "titles", "rows", "neighbours")


def measure(folder: Path, chunks: int) -> dict[str, Any]:
    """Milliseconds per step over `chunks` chunks in scope, and the dense leg's recall@10 against exact."""
    from bench.data import lines, person
    from bench.retrieval import percentile
    from documents.retrieval import dense
    from documents.retrieval.search import search

    user, collection = person(f"load-{chunks}", similarity_threshold=0.0)
    began = time.perf_counter()
    _fill(collection, list(lines(folder / "corpus.jsonl")), chunks)
    print(f"{chunks} chunks written and indexed in {time.perf_counter() - began:.0f} s")
    questions = [query["text"] for query in lines(folder / "queries.jsonl")][:200]
    table: dict[str, Any] = {}
    tops: dict[str, list[set[int]]] = {}
    crossover = dense.EXACT_BELOW
    for method, below in (("exact", 10**9), ("hnsw", 0)):
        dense.EXACT_BELOW = below
        for question in questions[:20]:
            search(user=user, collection=collection, query=question)
        runs = [search(user=user, collection=collection, query=question) for question in questions]
        table[method] = {"total": _spread([run.took_ms for run in runs], percentile)} | {
            step: _spread([run.trace["ms"][step] for run in runs], percentile) for step in STEPS
        }
        tops[method] = [
            {one["chunk_id"] for one in run.trace["candidates"] if (one["dense_rank"] or 99) <= 10}
            for run in runs
        ]
        print(
            f"  {method:6}" + "  ".join(f"{step} {p50}/{p95}" for step, (p50, p95) in table[method].items())
        )
    dense.EXACT_BELOW = crossover
    table["hnsw_recall_10"] = round(
        sum(len(a & b) / len(a) for a, b in zip(tops["exact"], tops["hnsw"], strict=True)) / len(questions), 4
    )
    print(f"  recall@10 of HNSW against exact {table['hnsw_recall_10']}   (p50/p95 ms above)")
    return table


def _spread(values: list[float], percentile: Any) -> tuple[float, float]:
    return percentile(values, 50), percentile(values, 95)


def _fill(collection: Any, entries: list[dict[str, Any]], chunks: int) -> None:
    from django.db import connection

    from documents.embedding.registry import get_embedder

    dice, noise = random.Random(7), np.random.default_rng(7)
    sample = dice.sample(entries, 1500)
    real = get_embedder().embed([entry["text"] for entry in sample])
    sentences = [one for entry in entries for one in SENTENCE.split(entry["text"])]
    index = "CREATE INDEX {0} ON documents_chunk USING {1}"
    with connection.cursor() as cursor:
        cursor.execute("DROP INDEX chunk_embedding_hnsw, chunk_search_vector")
        documents = _documents(cursor, collection, -(-chunks // DOCUMENT_CHUNKS))
        with cursor.copy(
            "COPY documents_chunk (document_id, collection_id, generation, part_index, index, content,"
            " context, section, char_start, char_end, token_count, embedding, language) FROM STDIN"
        ) as copy:
            for number in range(chunks):
                text = " ".join(dice.choices(sentences, k=7))
                a, b = dice.sample(range(len(real)), 2)
                vector = real[a] * 0.7 + real[b] * 0.5 + noise.standard_normal(real.shape[1]) * 0.02
                vector /= np.linalg.norm(vector)
                literal = "[" + ",".join(f"{value:.5g}" for value in vector) + "]"
                document, place = documents[number // DOCUMENT_CHUNKS], number % DOCUMENT_CHUNKS
                words = len(text.split())
                row = (
                    document,
                    collection.pk,
                    1,
                    0,
                    place,
                    text,
                    "",
                    "",
                    0,
                    len(text),
                    words,
                    literal,
                    "english",
                )
                copy.write_row(row)
        cursor.execute("SET maintenance_work_mem = '1GB'")
        cursor.execute(index.format("chunk_search_vector", "gin (search_vector)"))
        cursor.execute(
            index.format(
                "chunk_embedding_hnsw", "hnsw (embedding halfvec_ip_ops) WITH (m=16, ef_construction=64)"
            )
        )
        cursor.execute("VACUUM ANALYZE documents_chunk")


def _documents(cursor: Any, collection: Any, count: int) -> list[int]:
    from django.utils import timezone

    from documents.models import Document, MediaType, Status

    made = Document.objects.bulk_create(
        Document(
            collection=collection,
            name=f"load {number}.txt",
            media_type=MediaType.TEXT,
            size=1,
            sha256=f"{number:064x}",
            status=Status.COMPLETED,
            generation=1,
            active_generation=1,
            embedding_model=collection.embedding_model,
            chunk_count=DOCUMENT_CHUNKS,
            served_chunks=DOCUMENT_CHUNKS,
            token_count=DOCUMENT_CHUNKS * 150,
            served_tokens=DOCUMENT_CHUNKS * 150,
            completed_at=timezone.now(),
        )
        for number in range(count)
    )
    return [document.pk for document in made]
