"""How well and how fast retrieval finds: `python bench/retrieval.py [--sets scifact …] [--load 100000]`.

Quality: the sets of `SETS`, their files through the real ingestion and their questions through the real
`search`, by each leg alone and as users get it. Speed (with --load): milliseconds per step over that many
synthetic chunks, and the recall of the HNSW index against the exact scan.

Starts its own PostgreSQL and Redis in a temporary directory. Writes bench/results/retrieval.json and .md.
"""

import argparse
import json
import math
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from bench import retrieval_chunks, retrieval_sets  # noqa: E402
from bench.harness import start  # noqa: E402

CORPORA = ROOT.parent / "shared" / "corpora"
RESULTS = Path(__file__).resolve().parent / "results" / "retrieval.json"

SETS: dict[str, Callable[[Path], Any]] = {
    "company-reports, one in scope": lambda folder: retrieval_sets.pages(
        "one", folder / "pdfqa" / "company-reports", one_document=True
    ),
    "company-reports, all in scope": lambda folder: retrieval_sets.pages(
        "all", folder / "pdfqa" / "company-reports"
    ),
    "azure-northwind": lambda folder: retrieval_sets.pages("northwind", folder / "pdfqa" / "azure-northwind"),
    "azure-northwind, labels checked": lambda folder: retrieval_sets.pages(
        "northwind-checked", folder / "pdfqa" / "azure-northwind", checked=True
    ),
    "uda-wikipedia": lambda folder: retrieval_sets.pages("wikipedia", folder / "pdfqa" / "uda-wikipedia"),
    "xquad-en": lambda folder: retrieval_sets.documents("xquad-en", folder / "retrieval" / "xquad-en"),
    "clapnq-dev": lambda folder: retrieval_sets.documents("clapnq", folder / "retrieval" / "clapnq-dev"),
    "covid-qa": lambda folder: retrieval_sets.documents("covid", folder / "retrieval" / "covid-qa"),
    "scifact": lambda folder: retrieval_sets.documents("scifact", folder / "retrieval" / "scifact"),
    "chunkers": lambda folder: retrieval_chunks.compare(folder / "retrieval" / "chroma-chunking-eval"),
    "refusals, clapnq-dev": lambda folder: _refusals_clapnq(folder / "retrieval" / "clapnq-dev"),
    "refusals, azure-northwind": lambda folder: _refusals_northwind(folder / "pdfqa" / "azure-northwind"),
}


def main() -> None:
    """Run what was asked for and write the results."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument(
        "--sets", nargs="*", default=list(SETS), help="beginnings of names; all when not given"
    )
    arguments.add_argument("--load", type=int, default=0, help="also measure speed over so many chunks")
    arguments.add_argument("--corpora", type=Path, default=CORPORA)
    asked = arguments.parse_args()
    results = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    with start():
        for name, measure in SETS.items():
            if any(name.startswith(wanted) for wanted in asked.sets):
                began = time.perf_counter()
                print(name, flush=True)
                found = measure(asked.corpora)
                results[name] = retrieval_sets.table(found) if "both" in found else found
                _say(results[name])
                print(f"  ({time.perf_counter() - began:.0f} s)", flush=True)
        if asked.load:
            from bench.retrieval_load import measure as load

            results[f"load_{asked.load}"] = load(asked.corpora / "retrieval" / "scifact", asked.load)
    RESULTS.write_text(json.dumps(results, indent=2) + "\n")
    RESULTS.with_suffix(".md").write_text(_markdown(results))
    print(f"written to {RESULTS.relative_to(ROOT)}")


def percentile(values: list[float], share: int) -> float:
    """The value below which `share` percent lie (nearest rank)."""
    ordered = sorted(values)
    return round(ordered[min(len(ordered) - 1, math.ceil(len(ordered) * share / 100) - 1)], 1)


def _refusals_clapnq(folder: Path) -> dict[str, float]:
    questions = list(retrieval_sets.lines(folder / "queries.jsonl"))
    return retrieval_sets.refusals(
        "clapnq-gate",
        [one["text"] for one in questions if one["answerable"]],
        [one["text"] for one in questions if not one["answerable"]],
        retrieval_sets.texts(folder),
    )


def _refusals_northwind(folder: Path) -> dict[str, float]:
    return retrieval_sets.refusals(
        "northwind-gate",
        retrieval_sets.questions_of(folder / "questions.jsonl"),
        retrieval_sets.questions_of(folder / "questions_dont_know.jsonl"),
        retrieval_sets.files(folder, "pdfs/*.pdf"),
    )


def _say(result: dict[str, Any]) -> None:
    if "all" not in result:
        print(f"  {result}")
        return
    for way in retrieval_sets.WAYS:
        odd = result["odd"][way]
        print(
            f"  {way:6}"
            + "   ".join(
                f"{key} {value:.3f} (odd {odd[key]:.3f})" for key, value in result["all"][way].items()
            )
        )


def _markdown(results: dict[str, Any]) -> str:
    """The tables for people."""
    out = [
        "# How well retrieval finds",
        "",
        "`python bench/retrieval.py`. Files through the real ingestion with the default settings, questions",
        "through the real search; `both` is what users get. In brackets: the odd questions alone. The",
        "weights were compared on the even ones, where 0.5 to 0.65 are level, then set with a look at all.",
        "",
        "| data | questions | measure | dense | words | both |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for name, result in results.items():
        for measure in result["all"]["both"] if "all" in result else ():
            cells = (
                f"{result['all'][way][measure]:.3f} ({result['odd'][way][measure]:.3f})"
                for way in retrieval_sets.WAYS
            )
            out.append(f"| {name} | {result['questions']} | {measure} | {' | '.join(cells)} |")
    if "chunkers" in results:
        out += [
            "",
            "| chunker | chunks | mean tokens | recall | precision |",
            "| --- | --- | --- | --- | --- |",
        ]
        out += [
            f"| {name} | " + " | ".join(str(value) for value in row.values()) + " |"
            for name, row in results["chunkers"].items()
        ]
    for name, result in results.items():
        if name.startswith("refusals"):
            out += ["", f"{name}: " + ", ".join(f"{key} {value}" for key, value in result.items()) + "."]
    sizes = sorted(int(name.removeprefix("load_")) for name in results if name.startswith("load_"))
    for chunks in sizes:
        out += _load_table(chunks, results[f"load_{chunks}"])
    return "\n".join(out) + "\n"


def _load_table(chunks: int, result: dict[str, Any]) -> list[str]:
    """One table size: milliseconds as p50 / p95, and how much of the exact ten nearest the leg finds."""
    out = [
        "",
        f"{chunks:,} chunks in the table, {', '.join(result)} of them in scope; milliseconds, p50 / p95:",
        "",
        "| in scope | dense leg | recall@10 | dense | words | whole search |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for share, methods in result.items():
        for method, row in methods.items():
            spans = (f"{row[step][0]} / {row[step][1]}" for step in ("dense", "lexical", "total"))
            out.append(f"| {share} | {method} | {row['recall@10']} | {' | '.join(spans)} |")
    return out


if __name__ == "__main__":
    main()
