"""What a model was found to refuse or to do, per (URL, name): only the first question pays for it."""

from collections import OrderedDict

MAX_MODELS = 256

UNOPENED_REASONING = "unopened_reasoning"  # `</think>` ends it, no tag begins it


class Quirks:
    """A bounded memory of this process; the least recently learnt model is forgotten first."""

    def __init__(self) -> None:
        self._known: OrderedDict[tuple[str, str], frozenset[str]] = OrderedDict()

    def of(self, model: tuple[str, str]) -> frozenset[str]:
        """What is known of a model."""
        return self._known.get(model, frozenset())

    def learn(self, model: tuple[str, str], quirk: str) -> None:
        """Remember one more."""
        self._known[model] = self.of(model) | {quirk}
        self._known.move_to_end(model)
        while len(self._known) > MAX_MODELS:
            self._known.popitem(last=False)

    def unlearn(self, model: tuple[str, str], quirk: str) -> None:
        """It does so no longer."""
        if quirk in self.of(model):
            self._known[model] = self.of(model) - {quirk}

    def forget(self) -> None:
        """Know nothing, as after a start."""
        self._known.clear()


quirks = Quirks()
