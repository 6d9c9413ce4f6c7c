"""How far the mark "supported" can be trusted: `python bench/citations.py [--show KIND]`.

Makes true and false citations from the corpora (bench/citation_cases.py), asks `chat.engine.citations.check`
about each, and counts. Thresholds are tuned on the documents of one half; the other half is reported.
Writes bench/results/citations.json.
"""

import argparse
import json
import os
import secrets
import sys
import time
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from bench.citation_cases import Case, cases  # noqa: E402

CORPORA = ROOT.parent / "shared" / "corpora"
RESULTS = Path(__file__).resolve().parent / "results" / "citations.json"


def main() -> None:
    """Measure and write the results."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--corpora", type=Path, default=CORPORA)
    arguments.add_argument("--show", default="", help="print the mistakes of this kind")
    arguments.add_argument("--half", default="", choices=("", "tune", "report"))
    asked = arguments.parse_args()
    set_up()
    every = [case for case in cases(asked.corpora) if asked.half in ("", case.half)]
    halves = [asked.half] if asked.half else ["tune", "report"]
    results = {}
    for name, meaning in (("words", False), ("words_and_meaning", True)):
        began = time.perf_counter()
        verdicts = [judged(case, meaning=meaning) for case in every]
        seconds = time.perf_counter() - began
        results[name] = {
            half: table([(case, why) for case, why in zip(every, verdicts, strict=True) if case.half == half])
            for half in halves
        } | {"ms_per_sentence": round(1000 * seconds / len(every), 2)}
        report(name, results[name])
    if asked.show:
        show(asked.show, every, verdicts)
    elif not asked.half:
        RESULTS.parent.mkdir(exist_ok=True)
        RESULTS.write_text(json.dumps(results, indent=2) + "\n")
        print(f"written to {RESULTS.relative_to(ROOT)}")


def set_up() -> None:
    """Django's settings without services: the check needs the embedder only."""
    os.environ |= {
        "DJANGO_SETTINGS_MODULE": "config.settings.base",
        "DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none",
        "REDIS_URL": "redis://127.0.0.1:1/0",
        "MODEL_CACHE_DIR": str(ROOT / ".data" / "models"),
        "HF_HUB_OFFLINE": "1",
    }
    for name in ("SECRET_KEY", "JWT_SIGNING_KEY", "FERNET_KEYS"):
        os.environ[name] = secrets.token_urlsafe(64)
    import django

    django.setup()


def judged(case: Case, *, meaning: bool) -> str:
    """Why the citation is not supported; "" when it is."""
    from chat.engine.citations import check
    from documents.retrieval.types import Passage

    passage = Passage(
        chunk_id=1,
        document_id=1,
        document_name=case.title or "document.txt",
        content=case.passage,
        similarity_score=0.5,
        score=0.1,
        rows=(1, case.passage.count("\n") + 1) if case.is_table else None,
    )
    sentence = case.sentence.replace("[", "(").replace("]", ")").replace("\n", " ")
    checked = check(f"{sentence.rstrip('.')} [1].", [passage], meaning=meaning)
    return ",".join(sorted({one.why for one in checked} - {""}))


def table(judgements: list[tuple[Case, str]]) -> dict:
    """Precision and recall of `supported` within one language; false alarms and misses per kind."""
    kinds: dict[str, list[tuple[Case, str]]] = {}
    for case, why in judgements:
        kinds.setdefault(case.kind, []).append((case, why))
    true = [why for case, why in judgements if case.true and case.source != "foreign"]
    false = [why for case, why in judgements if not case.true and case.source != "foreign"]
    kept, passed = sum(not why for why in true), sum(not why for why in false)
    own_language = [group for group in kinds.values() if group[0][0].source != "foreign"]
    # As many false as true citations, every kind of false one as often as the others.
    rates = [sum(not why for _, why in group) / len(group) for group in own_language if not group[0][0].true]
    recall = kept / len(true)
    leaking = sum(rates) / len(rates)
    return {
        "true": len(true),
        "false": len(false),
        "recall": round(recall, 4),
        "precision": round(kept / (kept + passed), 4),
        "precision_balanced": round(recall / (recall + leaking), 4),
        "kinds": {
            kind: {
                "cases": len(group),
                "supported": round(sum(not why for _, why in group) / len(group), 4),
                "why": dict(Counter(why for _, why in group if why).most_common()),
            }
            for kind, group in sorted(kinds.items())
        },
    }


def report(name: str, result: dict) -> None:
    """The table for people."""
    print(f"\n{name} ({result['ms_per_sentence']} ms per sentence)")
    for half in ("tune", "report"):
        one = result.get(half)
        if one is None:
            continue
        print(
            f"  {half}: {one['true']} true, {one['false']} false: recall {one['recall']:.3f}, precision"
            f" {one['precision']:.3f}, {one['precision_balanced']:.3f} with all kinds alike"
        )
        for kind, values in one["kinds"].items():
            print(f"    {kind:20} {values['cases']:5}  supported {values['supported']:.3f}  {values['why']}")


def show(kind: str, every: list[Case], verdicts: list[str]) -> None:
    """The mistakes of a kind."""
    for case, why in zip(every, verdicts, strict=True):
        if case.kind == kind and case.true == bool(why):
            print(f"\n--- {case.document} {why}\n{case.sentence}\n    {case.passage}")


if __name__ == "__main__":
    main()
