"""The table of other people's runs: it counts what is right, and says when something is not."""

from __future__ import annotations

from gan_core.config.cases import CASES
from gan_core.config.fields import KNOBS
from gan_core.diagnosis.causes import CAUSES
from gan_core.diagnosis.diagnose import SYMPTOMS
from gan_core.diagnosis.findings import Finding, Remedy
from gan_core.diagnosis.verdict import STATES, Verdict
from gan_core.verification import case_verdicts
from tests.verification.made_results import result


def rows(monkeypatch, **wrong) -> list[dict]:
    """The table if every verdict is right but for `wrong`."""
    by_digest = {case.config.digest(): case for case in CASES.values()}

    def judged(history, config):
        case = by_digest[config.replace(seed=0).digest()]
        changes = wrong.get("changes", {knob: KNOBS[knob].low for knob in case.knobs[:1]})
        finding = Finding("no_learning", "severe", 0, "", (Remedy("this", changes, "so"),))
        return Verdict(wrong.get("state", case.states[0]), "",
                       wrong.get("cause", (case.causes or ("",))[0]), (finding,))

    monkeypatch.setattr(case_verdicts, "verdict", judged)
    return case_verdicts.rows({
        (name, seed): result(case.config.replace(seed=seed))
        for name, case in CASES.items() for seed in range(3)})


def test_the_table_is_accepted_only_if_all_three_are_right(monkeypatch):
    """A check that cannot fail proves nothing."""
    assert case_verdicts.accepted(rows(monkeypatch))
    for wrong in ({"state": "too_early"}, {"cause": "nobody"}, {"changes": {"ema": 0.5}}):
        assert not case_verdicts.accepted(rows(monkeypatch, **wrong)), wrong


def test_every_case_names_what_exists():
    """A misspelt cause or knob could never be right."""
    for name, case in CASES.items():
        assert set(case.causes) <= {*CAUSES, *SYMPTOMS, ""}, name
        assert set(case.knobs) <= set(KNOBS) and set(case.states) <= set(STATES), name
        assert case.label and case.report, name
