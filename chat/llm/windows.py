"""How many tokens a model takes, as its server says; remembered, so that questions do not wait for it."""

import asyncio
import time
from collections import OrderedDict
from weakref import WeakKeyDictionary

from chat.llm.base import LLM
from collections_app.models import Collection, Provider
from config.embedded import llm as builtin
from config.errors import VerbatimError

LOOK_SECONDS = 1.5
KNOWN_SECONDS = 600.0
UNKNOWN_SECONDS = 60.0  # a server that did not answer is asked again after so long
MAX_KEPT = 256

_Key = tuple[str, str, str]
_kept: OrderedDict[_Key, tuple[float, int | None, bool]] = OrderedDict()  # until when, what, whether told
_looks: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[_Key, asyncio.Task[int | None]]] = (
    WeakKeyDictionary()
)


async def window_of(llm: LLM, *, seconds: float = LOOK_SECONDS, afresh: bool = False) -> int | None:
    """The window of a model in tokens, prompt and answer; None when its server does not tell. Never fails.

    Who asks waits until the server has told it once; later it is looked at again for those who come after.

    Args:
        llm: whose server is asked.
        seconds: how long it may take.
        afresh: ask also when the answer is known.
    """
    key = (llm.config.provider, llm.config.base_url, llm.config.model)
    if afresh:
        return await _look(llm, key, seconds)
    until, known, told = _kept.get(key, (0.0, None, False))
    if time.monotonic() < until:
        return known
    looks = _looks.setdefault(asyncio.get_running_loop(), {})
    if key not in looks:
        looks[key] = asyncio.create_task(_look(llm, key, seconds))
        looks[key].add_done_callback(lambda _: looks.pop(key, None))
    return known if told else await asyncio.shield(looks[key])


async def _look(llm: LLM, key: _Key, seconds: float) -> int | None:
    """Ask the server, and remember what it says."""
    try:
        found = await asyncio.wait_for(llm.window(), seconds)
        keep, told = KNOWN_SECONDS, True
    except (VerbatimError, TimeoutError):
        _, found, told = _kept.get(key, (0.0, None, False))  # what it once said is better than nothing
        keep = UNKNOWN_SECONDS
    _kept[key] = (time.monotonic() + keep, found, told)
    _kept.move_to_end(key)
    while len(_kept) > MAX_KEPT:
        _kept.popitem(last=False)
    return found


def usable(collection: Collection, llm_window: int | None) -> int:
    """Tokens that prompt and answer may have together: the collection's, within the model's own window.

    Every request to a collection's LLM names the same: an Ollama loads its model anew for another.

    Args:
        collection: its window, and its provider.
        llm_window: the model's own window, where its server tells it.
    """
    if collection.llm_provider == Provider.BUILTIN:
        llm_window = min(llm_window or builtin.CONTEXT_TOKENS, builtin.CONTEXT_TOKENS)
    return min(collection.context_tokens, llm_window or collection.context_tokens)


def forget() -> None:
    """Know nothing, as after a start."""
    _kept.clear()
