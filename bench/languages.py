"""How well retrieval finds in several languages: `python bench/languages.py [--sets xquad-de …]`.

XQuAD: the same 240 paragraphs and their questions in each language, one chunk per paragraph, through the real
`search`, with the text search configuration that an admin would choose; nDCG@10 of both legs, and of both
together as people get it with the default settings. And how many questions are refused: of those that a
paragraph answers, and of the same where the other half of the paragraphs is all there is. Starts its own
PostgreSQL and Redis in a temporary directory. Writes bench/results/languages.json.
"""

import argparse
import json
import sys
from operator import itemgetter
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from bench.harness import start  # noqa: E402

CORPORA = ROOT.parent / "shared" / "corpora" / "retrieval"
RESULTS = Path(__file__).resolve().parent / "results" / "languages.json"
SETS = {  # set -> text search configuration
    "xquad-en": "english",
    "xquad-de": "german",
    "xquad-es": "spanish",
    "xquad-ar": "arabic",
    "xquad-zh": "simple",
}
LEGS = ("dense", "lexical", "fused")


def main() -> None:
    """Measure what was asked for and write the results."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--sets", nargs="*", default=list(SETS))
    arguments.add_argument("--config", help="instead of the set's own text search configuration")
    arguments.add_argument("--corpora", type=Path, default=CORPORA)
    arguments.add_argument("--dry", action="store_true", help="write no results")
    asked = arguments.parse_args()
    results = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    with start():
        for name in asked.sets:
            config = asked.config or SETS.get(name, "english")
            table = measure(asked.corpora / name, config)
            results[name] = table
            figures = "   ".join(f"{name} {table[name]:.4f}" for name in (*LEGS, "refused", "refused_absent"))
            print(f"{name:10} {config:8} {figures}   ({table['queries']} questions)", flush=True)
    if not asked.dry:
        RESULTS.write_text(json.dumps(results, indent=2) + "\n")


def measure(folder: Path, config: str) -> dict:
    """nDCG@10 of each leg and of both together over one set, and the shares of refused questions."""
    from bench.data import lines, load_documents, person, qrels
    from bench.retrieval_sets import ndcg
    from documents.retrieval import lexical
    from documents.retrieval.search import search

    user, collection = person(f"{folder.name}-{config}", text_search_config=config)
    paragraphs = list(lines(folder / "corpus.jsonl"))
    chunk_of = load_documents(collection, paragraphs)
    halves = []  # (who may ask, the collection, its paragraphs)
    for half in (0, 1):
        asker, part = person(f"{folder.name}-{config}-{half}", text_search_config=config)
        halves.append((asker, part, load_documents(part, paragraphs[half::2])))
    lexical.forget_statistics()
    relevant = qrels(folder / "qrels.tsv")
    document_of = {chunk: document for document, chunk in chunk_of.items()}
    scores: dict[str, list[float]] = {leg: [] for leg in (*LEGS, "refused", "refused_absent")}
    for query in lines(folder / "queries.jsonl"):
        gold = relevant.get(query["id"])
        if not gold:
            continue
        found = search(user=user, collection=collection, query=query["text"], top_k=50)
        candidates = found.trace["candidates"]
        orders = {"fused": [one.chunk_id for one in found.passages]}
        for leg in ("dense", "lexical"):
            rank = f"{leg}_rank"
            held = sorted((one for one in candidates if one[rank]), key=itemgetter(rank))
            orders[leg] = [one["chunk_id"] for one in held]
        for leg, order in orders.items():
            scores[leg].append(ndcg([document_of[chunk] for chunk in order], gold))
        scores["refused"].append(not found.passed)
        for asker, part, held in halves:
            if not gold.keys() & held.keys():
                without = search(user=asker, collection=part, query=query["text"])
                scores["refused_absent"].append(not without.passed)
    table: dict = {leg: round(sum(values) / len(values), 4) for leg, values in scores.items()}
    return table | {"config": config, "queries": len(scores["fused"])}


if __name__ == "__main__":
    main()
