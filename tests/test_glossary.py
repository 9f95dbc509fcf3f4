"""docs/glossary.md gives every metric, symptom and knob its meaning, and speaks of no others."""

from __future__ import annotations

import re
from pathlib import Path

import gan_core
from gan_core.diagnosis.causes import CAUSES
from gan_core.runs.records import STEP_METRICS

GLOSSARY = (Path(__file__).parents[1] / "docs" / "glossary.md").read_text(encoding="utf-8")


def terms(title: str) -> list[str]:
    """The names in the first column of a section's table."""
    section = GLOSSARY.split(f"\n## {title}\n")[1].split("\n## ")[0]
    return re.findall(r"^\| `(\w+)` \|", section, re.M)


def evaluation_metrics(config: gan_core.RunConfig) -> set[str]:
    """Names of the metrics of a run's first evaluation."""
    records = gan_core.train(config, device="cpu")
    return set(next(r for r in records if isinstance(r, gan_core.EvalRecord)).metrics)


def test_every_metric_of_a_step_is_explained() -> None:
    """A curve on a page would have a name that nobody can look up."""
    assert terms("Metrics of a step") == list(STEP_METRICS)


def test_every_metric_of_an_evaluation_is_explained() -> None:
    """As above, for 2-D points and images, and the averaged generator's."""
    points = evaluation_metrics(gan_core.RunConfig(dataset="ring", steps=1))
    images = evaluation_metrics(gan_core.RunConfig(ema=0.9, steps=1))
    measured = points | {name.removeprefix("ema_") for name in images}
    assert sorted(terms("Metrics of an evaluation")) == sorted(measured)
    kinds = dict(re.findall(r"^\| `(\w+)` \| (images|2-D|both) \|", GLOSSARY, re.M))
    for name, kind in kinds.items():
        assert (name in images, name in points) == (kind != "2-D", kind != "images"), name


def test_every_symptom_is_explained() -> None:
    """A verdict would name a failure that nobody can look up."""
    assert sorted(terms("Symptoms")) == sorted(gan_core.SYMPTOMS)


def test_every_cause_is_explained() -> None:
    """A verdict would name a cause that nobody can look up."""
    assert terms("Causes") == list(CAUSES)


def test_every_knob_is_explained() -> None:
    """A setting would have no meaning but its label."""
    assert terms("Knobs") == list(gan_core.KNOBS)


def test_no_word_has_two_rows() -> None:
    """Readers would not know which of two rows to believe."""
    section = GLOSSARY.split("\n## Words\n")[1].split("\n## ")[0]
    words = [word.strip() for row in re.findall(r"^\| (\w[^|]*) \|", section, re.M)
             for word in row.split(",")]
    assert len(words) == len(set(words)), sorted({w for w in words if words.count(w) > 1})
