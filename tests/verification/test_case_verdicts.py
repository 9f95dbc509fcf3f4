"""The table of other people's runs: it counts what is right, and says when something is not."""

from __future__ import annotations

import dataclasses

from gan_core.config.cases import CASES, REFUSED
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

    said = wrong.get("said", "Digits 8 and 9 are rare: 1% and 2% of the training set.")
    monkeypatch.setattr(case_verdicts, "verdict", judged)
    monkeypatch.setattr(case_verdicts, "sentences", lambda *_: said)
    return case_verdicts.rows({
        (name, seed): result(case.config.replace(seed=seed))
        for name, case in CASES.items() for seed in range(3)})


def test_the_table_is_accepted_only_if_all_three_are_right(monkeypatch):
    """A check that cannot fail proves nothing."""
    assert case_verdicts.accepted(rows(monkeypatch))
    for wrong in ({"state": "too_early"}, {"cause": "nobody"}, {"changes": {"ema": 0.5}},
                  {"said": "All digits are there."}):
        assert not case_verdicts.accepted(rows(monkeypatch, **wrong)), wrong


def test_what_cannot_be_trained_is_refused_with_the_settings_name(monkeypatch):
    """A run that is accepted, or refused for another reason, would be counted as right."""
    last = rows(monkeypatch)[-1]
    assert (last["states"], last["causes"]) == ({"refused": 1}, {"gradient_penalty": 1})
    refusal = REFUSED["batch-normalised-critic"]
    for settings, state in (({}, "accepted"), ({"latent_dim": -1}, "refused")):
        monkeypatch.setitem(REFUSED, "batch-normalised-critic",
                            dataclasses.replace(refusal, settings=settings))
        wrong = rows(monkeypatch)
        assert wrong[-1]["states"] == {state: 1} and not case_verdicts.accepted(wrong), settings


def test_every_case_names_what_exists():
    """A misspelt cause or knob could never be right."""
    for name, case in CASES.items():
        assert set(case.causes) <= {*CAUSES, *SYMPTOMS, ""}, name
        assert set(case.knobs) <= set(KNOBS) and set(case.states) <= set(STATES), name
        assert case.label and case.report, name
