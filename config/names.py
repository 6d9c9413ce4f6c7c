"""Names that people give to things and to themselves, and that others then read."""

import re

# control characters, and those that turn the direction of what stands beside them
DECEPTIVE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
REFUSAL = "Control characters and ones that turn the direction of text are not allowed."


def is_deceptive(name: str) -> bool:
    """Whether a name would look different from what it is, or disturb what stands beside it."""
    return DECEPTIVE.search(name) is not None
