"""Write the table of error codes into docs/errors.md, from config/error_codes.py.

    .venv/bin/python scripts/document_errors.py

A test compares the two; run this after adding a code.
"""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "errors.md"
BEGIN, END = "<!-- table: begin -->", "<!-- table: end -->"

if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))


def table() -> str:
    """The table, one row per code, in the order of the code's definition."""
    from config.error_codes import DEFINITIONS, ErrorCode

    lines = ["| code | status | meaning | what to do | trying again may help |", "|---|---|---|---|---|"]
    for code in ErrorCode:
        definition = DEFINITIONS[code]
        again = "yes" if definition.retryable else ""
        lines.append(
            f"| `{code}` | {definition.status} | {definition.message} | {definition.next_step} | {again} |"
        )
    return "\n".join(lines)


def with_table(page: str) -> str:
    """The page with the table between its two marks replaced by the current one."""
    before, rest = page.split(BEGIN)
    after = rest.split(END)[1]
    return f"{before}{BEGIN}\n{table()}\n{END}{after}"


if __name__ == "__main__":
    PAGE.write_text(with_table(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
