"""Conversations as documents that can leave Verbatim: Markdown for people, JSON for programs, a zip of all.

Everything is made piece by piece, a page of messages at a time: a chat of any length needs little memory.
"""

import json
import unicodedata
import zipfile
from collections.abc import AsyncIterator, Iterator
from datetime import datetime
from io import RawIOBase
from typing import Any

from accounts.models import User
from chat import selectors, tree
from chat.engine.threads import in_thread
from chat.models import ChatSession, Message, MessageRole, MessageStatus
from chat.text import inert, one_line

FORMATS = ("md", "json")
MESSAGES = 100  # read at once
SESSIONS = 100
NAME_CHARS = 60


def file_name(session: ChatSession, form: str) -> str:
    """`2026-03-09-annual-leave-1a2b3c4d.md`: readable in any script, and safe on any file system."""
    folded = unicodedata.normalize("NFC", one_line(session.title, NAME_CHARS)).lower()
    words = "".join(char if char.isalnum() or unicodedata.combining(char) else " " for char in folded).split()
    day = session.created_at.date().isoformat()
    return "-".join([day, *words, session.pk.hex[:8]]) + f".{form}"


def session_pieces(user: User, session: ChatSession, form: str) -> Iterator[str]:
    """The whole file of one session. Whatever the user may not see (any more) is not in it."""
    messages = _messages(user, session)
    return _json_pieces(session, messages) if form == "json" else _markdown_pieces(session, messages)


def zip_pieces(user: User, forms: tuple[str, ...] = FORMATS) -> Iterator[bytes]:
    """A zip with all sessions of a user, each as a file of each form."""
    out = _Outbox()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for session in _sessions(user):
            for form in forms:
                entry = zipfile.ZipInfo(file_name(session, form), session.updated_at.timetuple()[:6])
                entry.compress_type = zipfile.ZIP_DEFLATED
                with archive.open(entry, "w", force_zip64=True) as file:
                    for piece in session_pieces(user, session, form):
                        file.write(piece.encode())
                        yield from out.take()
    yield from out.take()


async def in_pieces(pieces: Iterator[str] | Iterator[bytes]) -> AsyncIterator[str | bytes]:
    """The same for a response: each piece is made in a thread, which keeps no database connection."""

    def following() -> str | bytes | None:
        return next(pieces, None)

    while (piece := await in_thread(following)) is not None:
        yield piece


def _sessions(user: User) -> Iterator[ChatSession]:
    """All of a user's, newest first by their making; no statement stays open between two."""
    rows = selectors.sessions_visible_to(user).select_related("collection").order_by("-created_at", "-pk")
    ids = list(rows.values_list("pk", flat=True))
    for start in range(0, len(ids), SESSIONS):
        some = {session.pk: session for session in rows.filter(pk__in=ids[start : start + SESSIONS])}
        yield from (some[pk] for pk in ids[start : start + SESSIONS] if pk in some)


def _messages(user: User, session: ChatSession) -> Iterator[Message]:
    """Those that are shown, page by page; his access is looked at again with each page."""
    messages = selectors.messages_visible_to(user).filter(session=session)
    rows = tree.path_to(messages, session.head_id)
    ids = list(rows.values_list("pk", flat=True))  # in the order in which they are read
    for start in range(0, len(ids), MESSAGES):
        page = selectors.messages_with_details(rows.filter(pk__in=ids[start : start + MESSAGES]))
        some = {message.pk: message for message in page}
        yield from (some[pk] for pk in ids[start : start + MESSAGES] if pk in some)


class _Outbox(RawIOBase):
    """What the zip writes, until it is taken. It cannot seek, so sizes come after the files' bytes."""

    def __init__(self) -> None:
        super().__init__()
        self._pieces: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._pieces.append(bytes(data))
        return len(data)

    def take(self) -> Iterator[bytes]:
        """What has been written since, if anything."""
        if self._pieces:
            yield b"".join(self._pieces)
            self._pieces.clear()


# --- JSON -----------------------------------------------------------------------------------------


def _json_pieces(session: ChatSession, messages: Iterator[Message]) -> Iterator[str]:
    head = {
        "session_id": str(session.pk),
        "model": session.collection.name,
        "title": session.title,
        "created_at": _time(session.created_at),
        "updated_at": _time(session.updated_at),
    }
    yield json.dumps(head, ensure_ascii=False, indent=1)[:-2] + ',\n "messages": ['
    for position, message in enumerate(messages):
        yield (",\n" if position else "\n") + json.dumps(_message(message), ensure_ascii=False, indent=1)
    yield "\n ]\n}\n"


def _message(message: Message) -> dict[str, Any]:
    from chat.api.serializers import error_of

    feedback = getattr(message, "feedback", None)
    return {
        "id": message.pk,
        "role": message.role,
        "status": message.status,
        "content": message.content,
        "created_at": _time(message.created_at),
        "completed_at": _time(message.completed_at),
        "llm_provider": message.llm_provider,
        "llm_model_name": message.llm_model_name,
        "finish_reason": message.finish_reason,
        "error": error_of(message),
        "usage": message.usage,
        "sources": selectors.shown_sources(message),
        **selectors.answer_facts(message),
        "feedback": {"rating": feedback.rating, "comment": feedback.comment} if feedback else None,
    }


def _time(moment: datetime | None) -> str | None:
    return moment.isoformat().replace("+00:00", "Z") if moment else None


# --- Markdown -------------------------------------------------------------------------------------


def _markdown_pieces(session: ChatSession, messages: Iterator[Message]) -> Iterator[str]:
    yield f"# {_literal(session.title or 'Chat')}\n\nModel: {_literal(session.collection.name)}  \n"
    yield f"Begun: {_shown_time(session.created_at)}\n"
    for message in messages:
        parts = _question(message) if message.role == MessageRole.USER else _answer(message)
        yield "\n" + "\n\n".join(parts) + "\n"


def _question(message: Message) -> list[str]:
    return [f"## Question, {_shown_time(message.created_at)}", _quoted(inert(message.content))]


def _answer(message: Message) -> list[str]:
    llm = " ".join(filter(None, (message.llm_provider, message.llm_model_name)))
    by = f" by {_literal(llm)}" if llm else ""
    parts = [f"## Answer, {_shown_time(message.completed_at or message.created_at)}{by}"]
    if searched := selectors.searched_for(message):
        parts.append(f"*Searched for: {_literal(one_line(searched, 1000))}*")
    parts.append(inert(message.content) or "(no text)")
    parts += [f"*({remark})*" for remark in _remarks(message)]
    return parts + _sources(message)


def _remarks(message: Message) -> Iterator[str]:
    if message.status != MessageStatus.COMPLETE:
        yield message.get_status_display()
    if refusal := selectors.refusal_of(message):
        yield _literal(f"{refusal.message} {refusal.next_step}".strip())
    if message.finish_reason == "length":
        yield "It reached its length limit and ends here"
    if selectors.general_knowledge(message):
        yield "General knowledge: nothing in this answer comes from the documents"
    elif selectors.uncited(message):
        yield "This answer cites nothing: no passage backs this answer"
    for stretch in selectors.traced(message, "general_parts") or []:
        yield f"General knowledge, from no passage: “{_stretch(message, stretch)}”"
    for sentence in selectors.traced(message, "sentences") or []:
        if not sentence["supported"]:
            yield f"Not supported by its passage: “{_stretch(message, sentence)}”"
    if waiting := selectors.traced(message, "not_ready"):
        names = ", ".join(_literal(name) for name in waiting["names"])
        more = waiting["count"] - len(waiting["names"])
        yield f"Still being read then, so not in this answer: {names}" + (f" and {more} more" if more else "")


def _stretch(message: Message, stretch: dict[str, Any]) -> str:
    return _literal(one_line(message.content[stretch["start"] : stretch["end"]], 400))


def _sources(message: Message) -> list[str]:
    sources = selectors.shown_sources(message)
    if not sources:
        return []
    title = "### Sources" if any(one["cited"] for one in sources) else "### Nothing is cited; passages given"
    return [
        title,
        *(part for one in sources for part in (_source_line(one), _quoted(inert(one["chunk_content"])))),
    ]


def _source_line(source: dict[str, Any]) -> str:
    place = source["section"] and f", {_literal(source['section'])}"
    if source["page"]:
        to = source["page_to"]
        place += (
            f", pages {source['page']}-{to}" if to and to != source["page"] else f", page {source['page']}"
        )
    elif source["rows"]:
        place += f", rows {source['rows'][0]}-{source['rows'][1]}"
    elif source["lines"]:
        place += f", lines {source['lines'][0]}-{source['lines'][1]}"
    notes = [
        note
        for note, true in (
            ("supported", source["supported"] is True),
            ("not supported by its passage", source["supported"] is False),
            ("likely", source["likely"]),
            ("deleted since", source["document_deleted"]),
            ("replaced since", source["document_replaced"]),
        )
        if true
    ]
    remark = f" ({'; '.join(notes)})" if notes else ""
    return f"\\[{source['marker']}\\] {_literal(source['document_name'])}{place}{remark}"


def _quoted(text: str) -> str:
    return "\n".join(f"> {line}".rstrip() for line in text.splitlines()) or ">"


def _literal(text: str) -> str:
    """A name or title, so that nothing in it is read as Markdown."""
    return "".join(f"\\{char}" if char in "\\`*_[]<>#|~" else char for char in text.replace("\n", " "))


def _shown_time(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%d %H:%M UTC")
