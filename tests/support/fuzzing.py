"""Addresses that nobody should type: of the live channel's routes, and of pages with settings."""

from __future__ import annotations

import random
from urllib.parse import quote

from gan_core.config.fields import KNOBS
from gan_core.config.presets import CHALLENGES, RECORDED

RECORDED_RUN = RECORDED["collapse"].digest()
PIECES = ["..", ".", "%2e%2e", "%2f", "%5c", "/", "\\", "\x00", "%00", "\n", "~", "etc/passwd",
          "config.json", "status.json", "checkpoint.pt", "live", "pictures", "samples", "surface",
          "000000.png", "000250.npy", "-1.png", "٠٠٠٠٠٠.png", "C:", "//host/share", "💥", "\ud83d",
          "mode_collapse", f"recorded/{RECORDED_RUN}", "A" * 5000, "0" * 3000, "runs", "recorded",
          ".writable", "worker-0.log"]
VALUES = ["", "0", "1", "-1", "1e999", "nan", "-inf", "1_0", "٣", "None", "True", "[]", "{}",
          "0x10", "\x00", "9" * 400, "default", "recorded", "<script>alert(1)</script>",
          "**x** [y](z)", "$x$", "@5 dropout=0.4", "@5 dropout=0.4; @9 r1=1",
          "learning_rate:0.001,steps:500", "dataset:ring,batch_size:16", ":,:,:", ",",
          "a:b:c", "steps:-5"]
NAMES = ["v", "run", "reference", "opened", "dirac", "hand", "projector", "embed", "utm_source",
         "_gl", "amp;steps", "amp;amp;v", "nonsense", "", "💥", "__class__", "steps ", "STEPS"]
KINDS = [*2 * ["runs", "recorded", "healthz", "metrics"], "opened", "studies"]
ANSWERS = ["live", "live", "pictures", "difference", "verdicts", "film.gif", "tiles", "take-home"]
TAKEN_HOME = ["report.html", "history.csv", "sheet.png", "charts.svg", "script.py", "run.zip"]
QUESTIONS = ["since", "steps", "metrics", "viewer", "page", "reference", "reference_steps", "at",
             "chart", "predicted", "link", "colour"]
RUNS_PARAMETERS = ["find", "data", "verdict", "starred", "sort", "runs", "charts", "by", "smooth",
                   "projector"]


def text(chance: random.Random) -> str:
    """Something that belongs nowhere."""
    kind = chance.random()
    if kind < 0.6:
        return chance.choice(PIECES)
    if kind < 0.8:
        return "".join(chr(chance.randrange(1, 0x2FF)) for _ in range(chance.randrange(20)))
    return chance.randbytes(chance.randrange(1, 30)).decode("latin-1")


def route(chance: random.Random, digests: list[str]) -> str:
    """The address of a route, or of something near one; some are right."""
    known = [*digests, *digests, "0123456789abcdef", "0123456789ABCDEF", "z" * 16]
    answer = chance.choice(ANSWERS)
    parts = [chance.choice(KINDS), chance.choice(known), answer,
             chance.choice(TAKEN_HOME) if answer == "take-home" else "samples", "000000.png"]
    parts = parts[: chance.randrange(1, 5 if answer == "take-home" else 6)]
    for _ in range(chance.choice([0, 0, 0, 1, 2])):
        parts.insert(chance.randrange(len(parts) + 1), text(chance))
    query = "&".join(
        f"{chance.choice(QUESTIONS)}={quote(text(chance), safe='%', errors='replace')}"
        for _ in range(chance.randrange(5)))
    path = "/".join(quote(part, safe="%/.\\", errors="replace") for part in parts)
    return f"/{path}?{query}"


def page(chance: random.Random) -> str:
    """The name of a challenge's page."""
    return chance.choice(list(CHALLENGES))


def parameters(chance: random.Random) -> dict[str, str]:
    """Of a page: settings in and out of their ranges, and what is none."""
    drawn = {}
    for _ in range(chance.choice([1, 2, 3, 5, 10, 80])):
        name = chance.choice(list(KNOBS)) if chance.random() < 0.75 else chance.choice(NAMES)
        drawn[name] = _value(chance, name)
    return drawn


def runs_parameters(chance: random.Random) -> dict[str, str]:
    """Of the page of runs."""
    return {chance.choice(RUNS_PARAMETERS): _value(chance, "") for _ in range(chance.randrange(9))}


def _value(chance: random.Random, name: str) -> str:
    knob, kind = KNOBS.get(name), chance.random()
    if knob is not None and kind < 0.5:
        if knob.choices is not None:
            return chance.choice(list(knob.choices))
        low, high = knob.low or 0, knob.high or 1
        return str(chance.choice([low, high, low - 1, high + 1, chance.uniform(low, high),
                                  round(chance.uniform(low, high))]))
    if kind < 0.85:
        return chance.choice(VALUES)
    return text(chance)
