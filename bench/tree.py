"""What a long conversation costs to read: the shown path, a page with its versions, the history.

One chat of 5,000 messages in a line, 200 others of 50 with a version in each; medians over RUNS.
"""

import statistics
import sys
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench import harness

RUNS = 20
LONG, OTHERS, SHORT = 5000, 200, 50


def main() -> None:
    """Print the medians and the slowest, in milliseconds."""
    with harness.start():
        user, session = prepared()
        from chat import selectors, tree
        from chat.models import Message

        last = Message.objects.get(pk=session.head_id)
        path = selectors.messages_of(session)
        measured: dict[str, Callable[[], Any]] = {
            "ids of the path": lambda: list(path.values_list("pk", flat=True)),
            "first page of 200": lambda: list(selectors.messages_with_details(path)[:200]),
            "last page of 200": lambda: list(selectors.messages_with_details(path)[LONG - 200 : LONG]),
            "history of 10": lambda: tree.history_before(last.parent, limit=10),
            "newest leaf below the first": lambda: tree.newest_leaf(path[0]),
            "all chats as shown, counted": lambda: selectors.messages_shown_to(user).count(),
        }
        for name, call in measured.items():
            times = [timed(call) for _ in range(RUNS)]
            print(f"{name:28} median {statistics.median(times):6.1f} ms, slowest {max(times):6.1f} ms")


def timed(call: Callable[[], Any]) -> float:
    """Milliseconds of one call."""
    began = time.perf_counter()
    call()
    return (time.perf_counter() - began) * 1000


def prepared() -> tuple[Any, Any]:
    """The reader, and his long chat."""
    from accounts.models import User
    from collections_app.models import Collection

    user = User.objects.create_user("reader@example.com", "a-long-and-rare-passphrase")
    collection = Collection.objects.create(name="M", embedding_model="m", embedding_dimension=384)
    collection.users.add(user)
    for _ in range(OTHERS):
        talk(user, collection, SHORT)
    return user, talk(user, collection, LONG)


def talk(user: Any, collection: Any, length: int) -> Any:
    """A chat of so many messages, with a second answer to its first question."""
    from django.db import connection

    from chat.models import ChatSession, Message

    session = ChatSession.objects.create(user=user, collection=collection)
    rows = [
        Message(session=session, role="assistant" if n % 2 else "user", content="words " * 40)
        for n in range(length)
    ]
    made = Message.objects.bulk_create(rows)
    for parent, message in pairwise(made):
        message.parent_id = parent.pk
    Message.objects.bulk_update(made, ["parent"], batch_size=500)
    Message.objects.create(session=session, role="assistant", content="other", parent=made[0])
    session.head = made[-1]
    session.save(update_fields=["head"])
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE chat_message")
    return session


if __name__ == "__main__":
    main()
