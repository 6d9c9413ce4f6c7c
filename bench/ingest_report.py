"""The results of bench/ingest.py as a page to read."""

from typing import Any

TARGETS = {"of the roofline": 0.8, "times Open WebUI": 4, "times the obvious pipeline": 10}


def page(results: dict[str, Any]) -> str:
    """Markdown with all tables."""
    lines = ["# How fast files become passages", "", "`python bench/ingest.py`", ""]
    lines += [f"{results['cores']} cores; files: {', '.join(results['files'])}.", ""]
    best = results["roofline_tokens_per_second"]
    lines += [f"Roofline (products of the embedding model alone, bf16): {best[0]:,} tokens/s before, "]
    lines[-1] += f"{best[1]:,} after."
    lines += ["", *_ways(results), "", *_steps(results["ways"])]
    lines += ["", *_one_document(results["one_document"])]
    if "obvious" in results:
        lines += ["", *_obvious(results["obvious"])]
    lines += ["", *_operations(results["operations"]), "", *_table(results["table"])]
    return "\n".join(lines) + "\n"


def _row(*cells: Any) -> str:
    return "| " + " | ".join(str(cell) for cell in cells) + " |"


def _ways(results: dict[str, Any]) -> list[str]:
    titles = ("seconds", "pages/s", "tokens/s", "cores busy", "largest process, MB")
    head = [_row("way", *titles, *(f"{name} (target {least})" for name, least in TARGETS.items()))]
    head += [_row(*["---"] * (1 + len(titles) + len(TARGETS)))]
    return head + [
        _row(
            name,
            way["seconds"],
            way["pages_per_second"],
            f"{way['tokens_per_second']:,}",
            way.get("cores_busy", ""),
            way.get("peak_mb", ""),
            *(results["ratios"][name].get(target, "") for target in TARGETS),
        )
        for name, way in results["ways"].items()
    ]


def _steps(ways: dict[str, Any]) -> list[str]:
    steps = sorted({step for way in ways.values() for step in way["seconds_per_step"]})
    lines = ["Seconds per step, summed over the processes:", "", _row("way", *steps)]
    lines += [_row(*["---"] * (1 + len(steps)))]
    rows = [(name, *(way["seconds_per_step"].get(step, "") for step in steps)) for name, way in ways.items()]
    return lines + [_row(*row) for row in rows]


def _one_document(ways: dict[str, Any]) -> list[str]:
    lines = [
        "The largest file alone:",
        "",
        _row("way", "seconds", "pages/s", "cores busy"),
        _row(*["---"] * 4),
    ]
    return lines + [
        _row(name, way["seconds"], way["pages_per_second"], way["cores_busy"]) for name, way in ways.items()
    ]


def _obvious(obvious: dict[str, Any]) -> list[str]:
    steps = ", ".join(f"{name} {spent} s" for name, spent in obvious["seconds_per_step"].items())
    return [f"The obvious pipeline: {obvious['seconds']} s ({steps}), {obvious['chunks']} chunks."]


def _operations(operations: dict[str, float]) -> list[str]:
    lines = ["Inside the embedding model, one batch of 8 texts of 240 tokens:", ""]
    lines += [_row("operations", "ms"), _row("---", "---")]
    return lines + [_row(name, spent) for name, spent in operations.items()]


def _table(way: dict[str, Any]) -> list[str]:
    steps = ", ".join(f"{name} {spent} s" for name, spent in way["seconds_per_step"].items())
    return [
        f"A generated table of {way['rows']:,} rows, one worker with two processes: {way['seconds']} s, "
        f"{way['rows_per_second']} rows/s, {way['tokens_per_second']:,} tokens/s, {way['chunks']:,} chunks "
        f"({steps})."
    ]
