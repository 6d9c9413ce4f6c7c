"""A conversation as a document that can leave Verbatim: Markdown for people, JSON for programs."""

from collections.abc import Iterable
from typing import Any

from chat import selectors
from chat.models import ChatSession, Message, MessageRole, MessageStatus


def session_as_dict(session: ChatSession, messages: Iterable[Message]) -> dict[str, Any]:
    """JSON-able: the conversation, its turns and their sources."""
    return {
        "session_id": str(session.pk),
        "model": session.collection.name,
        "title": session.title,
        "created_at": session.created_at.isoformat(),
        "messages": [
            {
                "id": message.pk,
                "role": message.role,
                "status": message.status,
                "content": message.content,
                "created_at": message.created_at.isoformat(),
                "sources": selectors.shown_sources(message),
                **selectors.answer_facts(message),
            }
            for message in messages
        ],
    }


def session_as_markdown(session: ChatSession, messages: Iterable[Message]) -> str:
    """Markdown: questions as quotes, answers as written, sources as a numbered list under each."""
    parts = [f"# {session.title or 'Chat'}", f"Model: {session.collection.name}"]
    for message in messages:
        if message.role == MessageRole.USER:
            parts.append("\n".join(f"> {line}" for line in message.content.splitlines()))
            continue
        parts.append(message.content or "(no answer)")
        if message.status != MessageStatus.COMPLETE:
            parts.append(f"*({message.get_status_display()})*")
        sources = selectors.shown_sources(message)
        if selectors.general_knowledge(message):
            parts.append("*(general knowledge: nothing in this answer comes from the documents)*")
        elif selectors.uncited(message):
            parts.append("*(no passage backs this answer)*")
        if sources:
            if not any(source["cited"] for source in sources):
                parts.append("Nothing is cited. Passages given to the answer:")
            parts.append("\n".join(_source_line(source) for source in sources))
    return "\n\n".join(parts) + "\n"


def _source_line(source: dict[str, Any]) -> str:
    place = ""
    if source["page"]:
        place = f", page {source['page']}"
    elif source["rows"]:
        place = f", rows {source['rows'][0]}-{source['rows'][1]}"
    elif source["lines"]:
        place = f", lines {source['lines'][0]}-{source['lines'][1]}"
    notes = [
        note
        for note, true in (
            ("likely", source["likely"]),
            ("not supported by its passage", source["supported"] is False),
            ("deleted since", source["document_deleted"]),
            ("replaced since", source["document_replaced"]),
        )
        if true
    ]
    remark = f" ({'; '.join(notes)})" if notes else ""
    return f"- \\[{source['marker']}\\] {source['document_name']}{place}{remark}"
