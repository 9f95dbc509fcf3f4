"""Settings that change in the middle of a run, as text: `@500 dropout=0.4 @800 r1=0.1`. Torch-free.

Only the form is read here; `run_config` says what the names and values mean.
"""

from __future__ import annotations

import re

EXAMPLE = "@500 dropout=0.4 @800 r1=0.1"
MOST_CHANGES = 8
LONGEST = 1000  # characters: a schedule travels in a URL

_STEP = re.compile(r"@(\d{1,9})")
_VALUE = re.compile(r"([a-z0-9_]+)=(\S+)")


def parse(text: str) -> list[tuple[int, dict[str, str]]]:
    """(step, {field: value as text}) in the order of the text.

    Raises ValueError, one clause, on anything that does not look like EXAMPLE.
    """
    changes: list[tuple[int, dict[str, str]]] = []
    for word in text[: LONGEST + 1].split():
        if match := _STEP.fullmatch(word):
            changes.append((int(match[1]), {}))
        elif (match := _VALUE.fullmatch(word)) and changes:
            changes[-1][1][match[1]] = match[2]
        else:
            raise ValueError(f"{word[:40]!r} does not belong there")
    _refuse_disorder(text, changes)
    return changes


def _refuse_disorder(text: str, changes: list[tuple[int, dict[str, str]]]) -> None:
    steps = [step for step, _ in changes]
    if len(changes) > MOST_CHANGES or len(text) > LONGEST:
        raise ValueError(f"at most {MOST_CHANGES} changes and {LONGEST} characters are taken")
    if any(not values for _, values in changes):
        raise ValueError("a step stands there without a change")
    if steps != sorted(set(steps)) or (steps and steps[0] < 1):
        raise ValueError("the steps must rise, from 1 on")


def to_text(changes: list[tuple[int, dict[str, str]]]) -> str:
    """The inverse of `parse`."""
    return " ".join(
        f"@{step} " + " ".join(f"{name}={value}" for name, value in values.items())
        for step, values in changes
    )
