"""What a document is called in front of its chunks."""

import re

EXTENSION = re.compile(r"\.(pdf|csv|tsv|txt|text|md|markdown|log)$", re.IGNORECASE)
MAX_TITLE, MAX_FOLDERS = 120, 50


def display_title(name: str, title: str) -> str:
    """The file's name as words, its own title where it adds something, and the folders that it came in.

    "2019/annual_report.pdf" is "annual report (2019)".
    """
    folders, _, own = name.rpartition("/")
    where = f" ({_words(folders)[:MAX_FOLDERS]})" if folders else ""
    return _label(_words(EXTENSION.sub("", own)), title.strip())[: MAX_TITLE - len(where)] + where


def _words(name: str) -> str:
    return re.sub(r"[_/\s]+", " ", name).strip()


def _label(stem: str, title: str) -> str:
    if not title or title.lower() in stem.lower():
        return stem
    if stem.lower() in title.lower():
        return title
    return f"{stem} — {title}"
