"""Speed of `search` over many chunks: real sentences in new combinations, vectors between real ones."""

import random
import re
import time
from pathlib import Path
from typing import Any

import numpy as np

DOCUMENT_CHUNKS = 50
QUESTIONS = 200
SHARES = ("1 %", "10 %", "89 %")
SENTENCE = re.compile(r"(?<=[.!?])\s+")
STEPS = ("embed", "scope", "dense", "terms", "lexical", "titles", "rows", "texts")


def measure(folder: Path, chunks: int) -> dict[str, Any]:
    """Milliseconds per step, and the dense leg's recall@10 against the exact scan, over a table of `chunks`.

    Three collections share the table: a hundredth, a tenth, and the rest of its documents, mixed. What a
    search may see of the table is its filter.
    """
    from bench.data import lines, person

    owners = {share: person(f"load-{chunks}-{share}", similarity_threshold=0.0) for share in SHARES}
    began = time.perf_counter()
    fill([collection for _, collection in owners.values()], list(lines(folder / "corpus.jsonl")), chunks)
    print(f"{chunks} chunks written and indexed in {time.perf_counter() - began:.0f} s", flush=True)
    questions = [query["text"] for query in lines(folder / "queries.jsonl")][:QUESTIONS]
    return {share: _measured(*owner, questions, share) for share, owner in owners.items()}


def _measured(user: Any, collection: Any, questions: list[str], share: str) -> dict[str, Any]:
    """One collection: always exact, always by the index, and as shipped."""
    from bench.retrieval import percentile
    from documents.retrieval import dense
    from documents.retrieval.search import search

    table: dict[str, Any] = {}
    tops: dict[str, list[set[int]]] = {}
    crossover = dense.compares_all
    print(f"  {share} of the table in scope (p50/p95 ms)", flush=True)
    for method, rule in (("exact", lambda size: True), ("hnsw", lambda size: False), ("shipped", crossover)):
        dense.compares_all = rule
        for question in questions[:20]:
            search(user=user, collection=collection, query=question)
        runs = [search(user=user, collection=collection, query=question) for question in questions]
        table[method] = {"total": _spread([run.took_ms for run in runs], percentile)} | {
            step: _spread([run.trace["ms"][step] for run in runs], percentile) for step in STEPS
        }
        table[method]["chunks"] = runs[0].trace["chunks"]
        tops[method] = [
            {one["chunk_id"] for one in run.trace["candidates"] if (one["dense_rank"] or 99) <= 10}
            for run in runs
        ]
        hits = [len(a & b) / len(a) for a, b in zip(tops["exact"], tops[method], strict=True)]
        table[method]["recall@10"] = round(sum(hits) / len(hits), 4)
        spreads = (f"{step} {table[method][step][0]}/{table[method][step][1]}" for step in ("total", *STEPS))
        print(f"    {method:8} recall@10 {table[method]['recall@10']}  " + "  ".join(spreads), flush=True)
    dense.compares_all = crossover
    return table


def _spread(values: list[float], percentile: Any) -> tuple[float, float]:
    return percentile(values, 50), percentile(values, 95)


def fill(collections: list[Any], entries: list[dict[str, Any]], chunks: int) -> None:
    from django.db import connection

    from documents.embedding.registry import get_embedder

    dice, noise = random.Random(7), np.random.default_rng(7)
    sample = dice.sample(entries, 1500)
    real = get_embedder().embed([entry["text"] for entry in sample])
    sentences = [one for entry in entries for one in SENTENCE.split(entry["text"])]
    index = "CREATE INDEX {0} ON documents_chunk USING {1}"
    with connection.cursor() as cursor:
        cursor.execute("SET statement_timeout = 0")
        cursor.execute("DROP INDEX chunk_embedding_hnsw, chunk_search_vector")
        documents = _documents(collections, -(-chunks // DOCUMENT_CHUNKS))
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
                    document.pk,
                    document.collection_id,
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
        cursor.execute("SET maintenance_work_mem = '3GB'")
        cursor.execute(index.format("chunk_search_vector", "gin (search_vector)"))
        cursor.execute(
            index.format(
                "chunk_embedding_hnsw", "hnsw (embedding halfvec_ip_ops) WITH (m=16, ef_construction=64)"
            )
        )
        cursor.execute("VACUUM ANALYZE documents_chunk")
        cursor.execute("RESET statement_timeout")


def _documents(collections: list[Any], count: int) -> list[Any]:
    """So many documents; of a hundred in a row one is the first collection's, ten are the second's."""
    from django.utils import timezone

    from documents.models import Document, MediaType, Status

    def owner(number: int) -> Any:
        place = number % 100
        return collections[0 if place == 50 else 1 if place % 10 == 5 else 2]

    return Document.objects.bulk_create(
        Document(
            collection=owner(number),
            name=f"load {number}.txt",
            media_type=MediaType.TEXT,
            size=1,
            sha256=f"{number:064x}",
            status=Status.COMPLETED,
            generation=1,
            active_generation=1,
            embedding_model=collections[0].embedding_model,
            chunk_count=DOCUMENT_CHUNKS,
            served_chunks=DOCUMENT_CHUNKS,
            token_count=DOCUMENT_CHUNKS * 150,
            served_tokens=DOCUMENT_CHUNKS * 150,
            completed_at=timezone.now(),
        )
        for number in range(count)
    )
