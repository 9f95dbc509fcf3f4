"""Which runs of a preset are accepted: what its button says must be so."""

from __future__ import annotations

import pytest

from gan_core.verification import preset_acceptance
from tests.verification.made_results import DIAGNOSE, finding, result

# Preset, challenge, symptoms that the diagnosis finds, modes; whether the run is accepted.
CASES = [
    ("healthy", "mode_collapse", [], 10, True),
    ("healthy", "mode_collapse", ["vanishing_gradient"], 2, False),
    ("broken", "mode_collapse", ["mode_collapse"], 1, True),
    ("broken", "mode_collapse", ["mode_rotation"], 1, True),
    ("broken", "mode_collapse", ["vanishing_gradient"], 1, False),
    ("broken", "vanishing_gradients", ["vanishing_gradient"], 1, True),
    ("broken", "training_instability", ["divergence", "mode_collapse"], 4, True),
    ("broken", "computational_cost", ["computational_cost"], 4, True),
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
