"""What the ledger and the limits add to storing a question.

    python bench/usage.py

Once for a user with messages per minute alone, as the defaults are; once for one with a year of questions
and limits of his own, in a group of fifty that has tokens and messages together. `usage_open` is what they
add; `question_ask` is all of storing a question.
"""

import random
import statistics
import sys
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench import harness

RUNS = 200
MEMBERS = 50
ENTRIES = 2000  # of each member, over a year; as many again today for the one who asks


def main() -> None:
    """Print the medians and 95th percentiles, in milliseconds."""
    with harness.start():
        people, collection = prepared()
        times: dict[str, list[float]] = {"usage_open": [], "question_ask": []}
        from chat import services

        timed(services, "usage_open", times)
        for what, user in people.items():
            for spent in times.values():
                spent.clear()
            for _ in range(RUNS):
                began = time.perf_counter()
                services.question_ask(user=user, collection=collection, message="How many days of leave?")
                times["question_ask"].append((time.perf_counter() - began) * 1000)
            for name, spent in times.items():
                late = sorted(spent)[-RUNS // 20]
                print(f"{what}: {name} median {statistics.median(spent):.1f} ms, p95 {late:.1f} ms")


def timed(module: Any, name: str, times: dict[str, list[float]]) -> None:
    """Have a function of a module note how long each call took."""
    function: Callable[..., Any] = getattr(module, name)

    def call(**given: Any) -> Any:
        began = time.perf_counter()
        try:
            return function(**given)
        finally:
            times[name].append((time.perf_counter() - began) * 1000)

    setattr(module, name, call)


def prepared() -> tuple[dict[str, Any], Any]:
    """Who asks, by what binds him; and the model that is asked."""
    from django.contrib.auth.models import Group
    from django.db import connection
    from django.utils import timezone

    from accounts.models import User
    from chat.usage.models import UsageEntry, UsageLimit
    from collections_app.models import Collection

    people = User.objects.bulk_create(User(email=f"{n}@example.com") for n in range(MEMBERS))
    group = Group.objects.create(name="Law")
    group.user_set.set(people)
    UsageLimit.objects.create(
        group=group, together=True, messages_per_minute=100_000, tokens_per_day=1_000_000_000_000
    )
    UsageLimit.objects.create(user=people[0], messages_per_minute=100_000, tokens_per_day=1_000_000_000_000)
    collection = Collection.objects.create(
        name="Handbook", created_by=people[0], embedding_model="any", embedding_dimension=384
    )
    now, chance = timezone.now(), random.Random(1)
    ages = [(user, chance.uniform(0, 365)) for user in people for _ in range(ENTRIES)]
    ages += [(people[0], chance.uniform(0, 0.5)) for _ in range(ENTRIES)]
    UsageEntry.objects.bulk_create(
        (
            UsageEntry(user=user, asked_at=now - timedelta(days=age), prompt_tokens=900, completion_tokens=99)
            for user, age in ages
        ),
        batch_size=5000,
    )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    alone = User.objects.create(email="alone@example.com")
    UsageLimit.objects.create(user=alone, messages_per_minute=100_000)
    return {"messages per minute alone": alone, "all limits there are": people[0]}, collection


if __name__ == "__main__":
    main()
