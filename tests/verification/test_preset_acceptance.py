"""Which runs of a preset are accepted: what its button says must be so."""

from __future__ import annotations

import pytest

from gan_core.verification import preset_acceptance
from gan_core.verification.results import Result
from tests.verification.made_results import DIAGNOSE, finding, result

# Preset, challenge, symptoms that the diagnosis finds, modes; whether the run is accepted.
CASES = [
    ("healthy", "mode_collapse", [], 10, True),
    ("healthy", "mode_collapse", ["vanishing_gradient"], 2, False),
    ("broken", "mode_collapse", ["mode_collapse"], 1, True),
    ("broken", "mode_collapse", ["mode_rotation"], 1, True),
    ("broken", "mode_collapse", ["vanishing_gradient"], 1, False),
    ("broken", "vanishing_gradients", ["vanishing_gradient"], 1, True),
    ("broken", "training_instability", ["divergence", "mode_collapse"], 0, True),
    ("broken", "training_instability", ["divergence", "mode_collapse"], 9, False),
    ("broken", "computational_cost", ["computational_cost"], 0, True),
    ("fixed", "mode_collapse", [], 7, False),
    ("fixed", "mode_collapse", [], 9, True),
    ("fixed", "mode_collapse", [], 1, False),
    ("fixed", "mode_collapse", ["mode_collapse"], 10, False),
    ("fixed", "mode_collapse", ["vanishing_gradient"], 10, True),
]


def test_a_preset_is_accepted_if_it_does_what_its_button_says(monkeypatch):
    """A preset that no longer breaks, or a remedy that improves nothing, passes."""
    wrong = []
    for preset, challenge, symptoms, modes, accepted in CASES:
        results = {(f"{challenge}-{preset}", 3): result(modes=float(modes))}
        if preset == "fixed":  # what it must beat, in modes
            results[f"{challenge}-broken", 3] = result(modes=1.0)
        monkeypatch.setattr(DIAGNOSE, lambda *_, symptoms=symptoms: list(map(finding, symptoms)))
        row, = preset_acceptance.rows(results)
        if (row["kept"][preset], row["runs"][preset]) != (int(accepted), 1):
            wrong.append((preset, challenge, symptoms, modes))
    assert not wrong, wrong


def memory(train: float, held_out: float, modes: float, frechet: float) -> Result:
    """What is seen of a run with few training images."""
    return result(accuracy_train=train, accuracy_held_out=held_out, modes=modes, frechet=frechet)


@pytest.mark.parametrize(("broken", "fixed", "kept"), [
    (memory(0.95, 0.4, 6, 600), memory(0.8, 0.75, 10, 200), (1, 1)),
    (memory(0.95, 0.8, 6, 600), memory(0.8, 0.75, 10, 200), (0, 1)),  # D hardly remembers
    (memory(0.95, 0.4, 10, 600), memory(0.8, 0.75, 10, 200), (0, 1)),  # all digits are there
    (memory(0.95, 0.4, 6, 600), memory(0.8, 0.75, 6, 200), (1, 0)),
    (memory(0.95, 0.4, 6, 250), memory(0.8, 0.75, 10, 200), (1, 0)),  # hardly worse samples
])
def test_a_memory_shows_in_pictures_and_in_ds_scores(broken, fixed, kept, monkeypatch):
    """A page would say that D knows its images by heart, beside two sheets that look alike."""
    monkeypatch.setattr(DIAGNOSE, lambda history, config: [finding("discriminator_overfitting")]
                        if history is broken.history else [])
    row, = preset_acceptance.rows({("discriminator_overfitting-broken", 3): broken,
                                   ("discriminator_overfitting-fixed", 3): fixed})
    assert (row["kept"]["broken"], row["kept"]["fixed"]) == kept


@pytest.mark.parametrize(("recognised", "kept"), [(0.2, 1), (0.8, 0)])
def test_an_expensive_run_has_no_digits_yet(recognised, kept, monkeypatch):
    """The page would show digits beside digits, and call one of them out of reach."""
    monkeypatch.setattr(DIAGNOSE, lambda *_: [finding("computational_cost")])
    row, = preset_acceptance.rows(
        {("computational_cost-broken", 0): result(modes=10.0, recognised=recognised)})
    assert row["kept"]["broken"] == kept


def test_every_page_with_a_failure_says_what_must_be_seen():
    """A new page would be accepted by its numbers alone, whatever its pictures show."""
    pages = {name for name, page in preset_acceptance.CHALLENGES.items()
             if "broken" in page.presets}
    assert set(preset_acceptance.VISIBLE) == pages
    assert all(rule.most < rule.least or rule.recognised < 0.5
               for rule in preset_acceptance.VISIBLE.values())


def test_the_table_names_what_was_asked_for_and_found():
    """A reader of the documents could not tell whether anything was seen."""
    results = {("vanishing_gradients-broken", 0): result(modes=0.0),
               ("vanishing_gradients-broken", 1): result(modes=1.0),
               ("vanishing_gradients-fixed", 1): result(modes=10.0)}
    row, = preset_acceptance.rows(results)
    cells = [write(row) for write in preset_acceptance.COLUMNS.values()]
    assert "0 – 1 / 10 – 10" in cells and "at most 1 / at least 8" in cells


def test_a_failed_run_is_never_accepted():
    """Otherwise a machine out of memory would prove that a run is healthy."""
    results = {("mode_collapse-healthy", 0): result(kind="failed"),
               ("mode_collapse-healthy", 1): result()}
    row, = preset_acceptance.rows(results)
    assert (row["kept"]["healthy"], row["runs"]["healthy"]) == (1, 2)


@pytest.mark.parametrize(("missed", "expected"), [(0, True), (1, True), (2, False)])
def test_one_run_in_twenty_five_may_fail(missed, expected):
    """Otherwise the command would pass a table that the project does not accept."""
    row = {"kept": {"healthy": 25, "broken": 25, "fixed": 25 - missed},
           "runs": {"healthy": 25, "broken": 25, "fixed": 25}}
    assert preset_acceptance.accepted([row]) is expected
