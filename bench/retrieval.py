"""How well and how fast retrieval finds: `python bench/retrieval.py [--load 100000]`.

Quality: SciFact (one chunk per abstract) through the real `search`; nDCG@10 and recall of both legs and of
what users get, from the same run. Speed (with --load): milliseconds per step over that many synthetic
chunks, and the recall of the HNSW index against the exact scan.

Starts its own PostgreSQL and Redis in a temporary directory. Writes bench/results/retrieval.json.
"""

import argparse
import json
import math
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from bench.harness import start  # noqa: E402

CORPORA = ROOT.parent / "shared" / "corpora" / "retrieval"
RESULTS = Path(__file__).resolve().parent / "results" / "retrieval.json"


def main() -> None:
    """Run what was asked for and write the results."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--load", type=int, default=0, help="also measure speed over so many chunks")
    arguments.add_argument("--skip-quality", action="store_true")
    arguments.add_argument("--corpora", type=Path, default=CORPORA)
    asked = arguments.parse_args()
    results = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    with start():
        if not asked.skip_quality:
            results["scifact"] = scifact(asked.corpora / "scifact")
        if asked.load:
            from bench.retrieval_load import measure

            results[f"load_{asked.load}"] = measure(asked.corpora / "scifact", asked.load)
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(results, indent=2) + "\n")
    print(f"written to {RESULTS.relative_to(ROOT)}")


def scifact(folder: Path) -> dict:
    """nDCG@10 and recall of each leg and of both together."""
    from bench.data import lines, load_documents, person, qrels
    from documents.retrieval.search import search

    user, collection = person("scifact", similarity_threshold=0.0)
    began = time.perf_counter()
    chunk_of = load_documents(collection, lines(folder / "corpus.jsonl"))
    print(f"{len(chunk_of)} documents embedded and written in {time.perf_counter() - began:.0f} s")
    relevant = qrels(folder / "qrels.tsv")
    document_of = {chunk: document for document, chunk in chunk_of.items()}
    scores: dict[str, list[tuple[float, float]]] = {"dense": [], "lexical": [], "fused": []}
    took = []
    for query in lines(folder / "queries.jsonl"):
        gold = relevant.get(query["id"])
        if not gold:
            continue
        found = search(user=user, collection=collection, query=query["text"], top_k=50)
        took.append(found.took_ms)
        candidates = found.trace["candidates"]
        for leg in ("dense", "lexical"):
            held = [one for one in candidates if one[f"{leg}_rank"]]
            held.sort(key=lambda one, leg=leg: one[f"{leg}_rank"])
            scores[leg].append(_score([document_of[one["chunk_id"]] for one in held], gold))
        scores["fused"].append(_score([document_of[one.chunk_id] for one in found.passages], gold))
    table = {
        leg: {
            "ndcg_10": round(sum(ndcg for ndcg, _ in values) / len(values), 4),
            "recall_10": round(sum(recall for _, recall in values) / len(values), 4),
        }
        for leg, values in scores.items()
    }
    table |= {"queries": len(took), "p50_ms": percentile(took, 50), "p95_ms": percentile(took, 95)}
    for leg in ("dense", "lexical", "fused"):
        print(f"  {leg:8} nDCG@10 {table[leg]['ndcg_10']:.4f}   recall@10 {table[leg]['recall_10']:.4f}")
    print(f"  {table['queries']} questions, p50 {table['p50_ms']} ms, p95 {table['p95_ms']} ms")
    return table


def percentile(values: list[float], share: int) -> float:
    """The value below which `share` percent lie (nearest rank)."""
    ordered = sorted(values)
    return round(ordered[min(len(ordered) - 1, math.ceil(len(ordered) * share / 100) - 1)], 1)


def _score(found: list[str], gold: dict[str, int]) -> tuple[float, float]:
    """nDCG@10 (linear gain, as trec_eval and BEIR count it) and recall@10."""
    gain = sum(gold.get(one, 0) / math.log2(rank + 2) for rank, one in enumerate(found[:10]))
    ideal = sorted(gold.values(), reverse=True)[:10]
    best = sum(value / math.log2(rank + 2) for rank, value in enumerate(ideal))
    return gain / best, sum(one in gold for one in found[:10]) / len(gold)


if __name__ == "__main__":
    main()
