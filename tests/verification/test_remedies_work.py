"""Do remedies help? What is trained next, and what counts as better."""

from __future__ import annotations

import dataclasses

from gan_core.config.cases import CASES
from gan_core.diagnosis.findings import Finding, Remedy
from gan_core.diagnosis.verdict import Verdict
from gan_core.runs.history import History
from gan_core.verification import remedies_work
from tests.diagnosis.histories import noise
from tests.verification.made_results import result

NAME = "small-networks"


def made(monkeypatch, after: float) -> list[dict]:
    """The rows if the one failure is mended to a quality of `after`."""
    remedy = Remedy("β₁ 0.5", {"beta1": 0.5}, "so")
    finding = Finding("no_learning", "severe", 0, "", (remedy,))
    monkeypatch.setattr(
        remedies_work, "verdict", lambda history, config: Verdict("failing", "", "x", (finding,)))
    configs = {(NAME, seed): CASES[NAME].config.replace(seed=seed) for seed in range(3)}
    before = {key: with_quality(config, 0.1) for key, config in configs.items()}
    follow = remedies_work.remedied(before)
    assert {config.beta1 for config in follow.values()} == {0.5} and len(follow) == 3
    return remedies_work.rows({**before, **{
        key: with_quality(config, after) for key, config in follow.items()}})


def with_quality(config, quality):
    history = History((), noise(1000, shown=10, quality_above_chance=quality))
    return dataclasses.replace(result(config), history=history)


def test_better_and_worse_are_told_from_no_change(monkeypatch):
    """A remedy that changes nothing must not pass as one that helps."""
    effects = [made(monkeypatch, after)[0]["effect"] for after in (0.9, 0.1, 0.0)]
    assert effects == ["better", "no clear change", "worse"]


def test_the_spread_over_seeds_is_what_a_gain_must_exceed():
    """Otherwise chance would count as a remedy."""
    assert remedies_work.effect([0.1, 0.5, 0.9], [0.3, 0.7, 1.0]) == "no clear change"
    assert remedies_work.effect([0.1, 0.12, 0.11], [0.3, 0.32, 0.31]) == "better"


def test_harm_and_idle_remedies_are_refused():
    """Nine of ten must help, and hardly one do harm."""
    def rows(*effects):
        return [{"place": 1, "effect": effect} for effect in effects]

    assert remedies_work.accepted(rows(*["better"] * 9, "no clear change"))
    assert not remedies_work.accepted(rows(*["better"] * 8, *["no clear change"] * 2))
    assert not remedies_work.accepted(rows(*["better"] * 9, "worse"))


def test_every_failure_is_tried():
    """A failure left out could have the worst remedy."""
    assert set(CASES) - set(remedies_work.configs()) == {
        name for name, case in CASES.items() if not case.knobs}


def test_of_a_d_that_knows_its_images_by_heart_it_is_counted_what_it_says_of_new_ones(monkeypatch):
    """Its samples may be good for long: a remedy would change nothing that is measured."""
    def run(config, held_out):
        records = noise(1000, shown=10, quality_above_chance=0.6, accuracy_train=0.9,
                        accuracy_held_out=held_out)
        return dataclasses.replace(result(config), history=History((), records))

    remedy = Remedy("Dropout", {"dropout": 0.4}, "so")
    finding = Finding("discriminator_overfitting", "severe", 0, "", (remedy,))
    monkeypatch.setattr(
        remedies_work, "verdict", lambda history, config: Verdict("failing", "", "x", (finding,)))
    before = {(NAME, seed): run(CASES[NAME].config.replace(seed=seed), 0.5) for seed in range(3)}
    after = {key: run(config, 0.85) for key, config in remedies_work.remedied(before).items()}
    row, = remedies_work.rows({**before, **after})
    assert row["effect"] == "better" and 0.5 < row["before"][0] < 0.6
