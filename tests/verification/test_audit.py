"""The audit from end to end, on tiny runs: trained once, measured, judged twice, summed up."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gan_core.config.run_config import RunConfig
from gan_core.runs.history import History
from gan_core.runs.records import Outcome
from gan_core.runs.store import RunStore
from gan_core.training.recording import record_run
from gan_core.verification import audit, audit_runs
from gan_core.verification.audit import Audit, Audited, compared
from gan_core.verification.audit_draws import RANDOM, Drawn
from gan_core.verification.audit_labels import Quality
from gan_core.verification.audit_runs import FILE, fresh_samples, history, measured
from gan_core.verification.audit_table import COLUMNS, WORST, accepted, command, rows, worst
from gan_core.verification.audited_verdict import Told, told
from gan_core.verification.tables import markdown
from tests.verification.made_results import result

TINY = RunConfig(dataset="ring", steps=20, batch_size=8)
DRAWN = [
    Drawn("ring", "learning_rate low", TINY.replace(learning_rate=1e-6, seed=1)),
    Drawn("ring", "learning_rate low", TINY.replace(learning_rate=1e-5, seed=2)),
    Drawn("ring", "depth", TINY.replace(depth=1, seed=3)),
    Drawn("ring", "learning_rate high",
          TINY.replace(optimizer="sgd", loss="wasserstein", learning_rate=1.0)),  # diverges
    Drawn(RANDOM, RANDOM, TINY.replace(latent_dim=3, seed=4)),
]


@pytest.fixture
def improving(monkeypatch: pytest.MonkeyPatch) -> None:
    """A verdict that finds every run improving."""
    monkeypatch.setattr(audit, "told", lambda history, config: Told("improving", {}))


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch) -> None:
    """A verdict that finds every run failing, with a remedy."""
    monkeypatch.setattr(
        audit, "told", lambda history, config: Told("failing", {"learning_rate": 1e-3}))


def audited(folder: Path, drawn: list[Drawn] = DRAWN, **options) -> list[Audited] | None:
    return Audit(RunStore(folder), "cpu", 1, **options).results(drawn)


def logs(folder: Path) -> dict[Path, str]:
    return {path: path.read_text() for path in folder.glob("*/log.txt")}


def test_every_run_is_measured_half_way_at_its_end_and_if_improving_twice_as_long(
    improving: None, tmp_path: Path
) -> None:
    """Labels, trends or false hopes would rest on samples of another moment."""
    runs = audited(tmp_path, remedies=0)
    assert runs is not None and [run.drawn for run in runs] == DRAWN
    known = [measured(RunStore(tmp_path), run.drawn.config) for run in runs]
    assert [list(of_run) for of_run in known] == [[10, 20, 40]] * 5
    assert [run.label for run in runs] == ["bad"] * 5, "after 20 steps"
    assert known[3][40] is None and runs[3].improved is False, "diverged"
    assert all(run.remedied is None for run in runs)


def test_nothing_is_trained_or_measured_twice(
    improving: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An hour of measurements must survive being interrupted, and every change of the verdict."""
    first = audited(tmp_path, remedies=1)
    before = logs(tmp_path)
    monkeypatch.setattr(audit_runs, "quality", None)  # what is measured is not asked for again
    assert audited(tmp_path, remedies=1) == first and logs(tmp_path) == before

    lost = RunStore(tmp_path).root / DRAWN[0].config.digest() / FILE
    lost.unlink()
    monkeypatch.undo()
    assert audited(tmp_path, DRAWN[:1], remedies=0)[0].quality == first[0].quality
    assert logs(tmp_path) != before, "gone past its marks, it is trained again"


def test_what_was_measured_outlives_a_run_that_somebody_took_further(
    improving: None, tmp_path: Path
) -> None:
    """Looking at one of the worst runs, and continuing it, would break the next audit."""
    store, config = RunStore(tmp_path), DRAWN[2].config
    audit_runs.measure_all([config], (0.5, 1.0), store, "cpu", 1)
    before = measured(store, config)
    record_run(store, config.replace(steps=50), device="cpu")
    run, = audited(tmp_path, DRAWN[2:3], remedies=0)
    assert run.improved is not None, "measured after 40 steps although it had gone to 50"
    assert {step: measured(store, config)[step] for step in before} == before


def test_a_batch_measures_what_one_run_alone_does(tmp_path: Path) -> None:
    """Whether a run shares a batch would decide its label."""
    together = audited(tmp_path / "together")
    alone = [run for drawn in DRAWN for run in audited(tmp_path / "alone", [drawn])]
    for one, other in zip(together, alone, strict=True):
        assert one.quality == pytest.approx(other.quality, abs=0.01)


def test_an_interrupted_audit_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C would end one batch and begin the next, and the table would have holes."""
    begun = []
    monkeypatch.setattr(
        audit_runs, "_measure", lambda root, batch, shares, device: bool(begun.append(batch)))
    assert audited(tmp_path) is None and len(begun) == 1


def test_samples_are_of_the_stored_generator_and_new(tmp_path: Path) -> None:
    """The audit would look at what the evaluation looked at, or at an untrained generator."""
    audited(tmp_path, DRAWN[2:3])
    store, config = RunStore(tmp_path), DRAWN[2].config
    samples = fresh_samples(store, config).numpy()
    shown = store.points(config.digest(), 20)
    assert samples.shape == shown.shape and not (samples == shown).any()
    assert abs(samples.mean(0) - shown.mean(0)).max() < 0.1 * shown.std(), "the same generator"


def test_the_verdict_is_read_at_the_steps_that_were_asked_for(
    improving: None, tmp_path: Path
) -> None:
    """A run that was followed further would be judged by what came later."""
    audited(tmp_path, remedies=0)
    store = RunStore(tmp_path)
    kinds = [history(store, run.config) for run in DRAWN]
    assert [past.last_step for past in kinds[:3]] == [20, 20, 20]
    assert [past.outcome.kind for past in kinds] == [*["finished"] * 3, "diverged", "finished"]


def test_what_a_good_run_was_told_on_the_way_is_looked_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A verdict that is right in the end may have been wrong at every look before."""
    monkeypatch.setattr(audit, "label", lambda kind, end, half: "good")
    for early, doubted in (("failing", True), ("too_early", False)):
        monkeypatch.setattr(audit, "told", lambda past, config, early=early: Told(
            "healthy" if past.last_step == 20 else early, None))
        assert audited(tmp_path, DRAWN[:1], remedies=0)[0].doubted is doubted


def test_a_remedy_is_tried_on_bad_single_faults_over_three_seeds(
    failing: None, tmp_path: Path
) -> None:
    """Chance, or a random config nobody has a remedy for, would decide whether remedies help."""
    drawn = [DRAWN[0], DRAWN[1], DRAWN[4]]
    one, = [run for run in audited(tmp_path, drawn, remedies=1) if run.remedied]
    assert one.drawn in drawn[:2]
    runs = audited(tmp_path, drawn)
    assert [run.remedied is not None for run in runs] == [True, True, False]
    store = RunStore(tmp_path)
    for seed in (1, 2, 3):
        for rate in (1e-6, 1e-3):
            mended = TINY.replace(learning_rate=rate, seed=seed)
            assert 20 in measured(store, mended), mended


def test_remedies_of_random_configs_are_tried_where_nothing_else_was_drawn(
    tmp_path: Path
) -> None:
    """Whether a remedy helps a stranger's wild settings would never be told."""
    run, = audited(tmp_path, [DRAWN[4]], remedies=1)
    assert run.label == "bad" and run.remedied in ("better", "same", "worse")


def test_a_run_told_to_train_on_is_trained_on_over_three_seeds(
    improving: None, tmp_path: Path
) -> None:
    """Advice that does not help would go uncounted because it changes no setting."""
    run, = audited(tmp_path, DRAWN[2:3])
    assert run.remedied in ("better", "same", "worse")
    store = RunStore(tmp_path)
    for seed in (3, 4, 5):
        assert {20, 40} <= set(measured(store, DRAWN[2].config.replace(seed=seed))), seed


def test_a_remedy_must_do_more_than_chance() -> None:
    """Luck with one seed would count as help."""
    assert compared([0.1, 0.2, 0.15], [0.5, 0.6, 0.4]) == "better"
    assert compared([0.1, 0.5, 0.3], [0.4, 0.5, 0.4]) == "same", "seeds differ by more"
    assert compared([0.0, 0.0, 0.0], [0.01, 0.01, 0.02]) == "same", "too little to see"
    assert compared([0.5, 0.6, 0.55], [0.1, 0.2, 0.1]) == "worse"
    assert compared([0.0, 0.0, 0.0], [0.0, 0.0, 0.0]) == "same"


def test_without_a_remedy_a_failure_is_not_helped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A verdict that offers nothing would pass for one whose every remedy helps."""
    monkeypatch.setattr(audit, "told", lambda history, config: Told("failing", None))
    assert audited(tmp_path, DRAWN[:1])[0].remedied == "same"


# --- what it comes to -----------------------------------------------------------------------------


def made(label: str, state: str, group: str = "ring", **more) -> Audited:
    return Audited(Drawn(group, "r1", TINY), label, more.pop("quality", 0.5), Told(state, None),
                   **more)


def test_rows_count_what_the_verdict_got_wrong() -> None:
    """The acceptance would be read off wrong numbers."""
    runs = [
        made("good", "healthy", doubted=True), made("good", "failing"),
        made("good", "improving", improved=True),
        made("bad", "healthy", "grid", remedied="same"),
        made("bad", "diverged", "grid", remedied="better"),
        made("bad", "failing", "grid", remedied="worse"),
        made("bad", "improving", "grid", improved=False, remedied="better"),
        made("middling", "too_early", "random"),
    ]
    ring, grid, random, everything = rows(runs)
    assert [row["group"] for row in (ring, grid, random)] == ["ring", "grid", "random"]
    wanted = {"runs": 8, "good": 3, "middling": 1, "bad": 4, "green_on_bad": 1,
              "green_on_good": 1, "failing_on_good": 1, "failing_on_bad": 2, "improving": 2,
              "doubted": 1, "false_improving": 1, "tried": 3, "better": 1, "worse": 1,
              "trained_on": 1, "better_later": 1}
    assert {name: everything[name] for name in wanted} == wanted
    for name in wanted:
        assert everything[name] == sum(row[name] for row in (ring, grid, random)), name
    cells = markdown(COLUMNS, [everything]).splitlines()[-1].split(" | ")
    assert cells[1:5] == ["3 / 1 / 4", "1 of 4", "2 of 4", "1 of 3"]


def test_acceptance_is_as_asked_for() -> None:
    """The command would succeed on a verdict that is wrong too often, or never succeed."""
    good = [made("good", "healthy")] * 19
    bad = [made("bad", "failing", remedied="better")] * 30
    right = [*good, made("good", "too_early"), *bad, made("bad", "improving", improved=True)]
    assert accepted(rows(right)) and not accepted(rows([]))
    for wrong in (made("bad", "healthy"), made("bad", "improving", improved=False)):
        assert not accepted(rows([*right, wrong])), wrong
    for wrong in ([made("good", "failing")] * 2, [made("bad", "failing", remedied="worse")] * 2,
                  [made("good", "too_early")] * 3, [made("bad", "failing", remedied="same")] * 5):
        assert not accepted(rows([*right, *wrong])), wrong


def test_the_worst_are_named_with_the_command_that_shows_them() -> None:
    """Nobody could look at what the verdict got wrong."""
    runs = [*[made("good", "too_early")] * 12, made("bad", "healthy", quality=0.0),
            made("good", "failing"), made("good", "healthy"), made("bad", "failing")]
    named = worst(runs)
    assert len(named) == WORST
    assert [entry["wrong"] for entry in named[:3]] == [
        "green on bad", "failing on good", "not green on good"]
    assert named[0]["command"] == command(runs[0]) == (
        "python -m gan_core run --set dataset=ring batch_size=8 steps=20")


def test_what_the_product_says_is_asked_for_in_one_way() -> None:
    """The audit would judge another verdict than the one that people read."""
    evaluations = result(TINY).history.evaluations
    for kind, states in {"diverged": {"diverged"}, "failed": {"failed"},
                         "finished": {"healthy", "improving", "too_early"}}.items():
        past = History((), evaluations, Outcome(kind, 1000))
        assert told(past, TINY).state in states, kind


def test_measurements_are_kept_as_plain_numbers(tmp_path: Path) -> None:
    """Nobody could read them without this program."""
    audited(tmp_path, DRAWN[:1])
    content = json.loads((tmp_path / DRAWN[0].config.digest() / FILE).read_text())
    assert set(content) == {"10", "20"} and Quality(**content["20"]).value >= 0
