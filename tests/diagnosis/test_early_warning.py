"""Early warnings: each sign by hand, and none in a healthy run."""

from __future__ import annotations

import dataclasses
import math

import pytest

from gan_core.cli.progress import Progress
from gan_core.config.run_config import RunConfig
from gan_core.diagnosis.diagnose import SYMPTOMS
from gan_core.diagnosis.early_warning import CHECKS, WINDOW, early_warnings
from gan_core.runs.history import History
from tests.diagnosis.histories import HEALTHY, SHOWN, evaluations, noise, steps

CONFIG = RunConfig()


def growing_swing() -> History:
    """D's scores swing by 0.2, then by 0.6."""
    records = steps(400)
    for i, record in enumerate(records):
        size = 0.6 if i >= 400 - WINDOW else 0.2
        score = 0.5 + size / 2 * math.sin(2 * math.pi * i / 50)
        records[i] = dataclasses.replace(record, score_real=score, score_fake=0.5)
    return History(records, evaluations(250))


def one_mode_takes_over() -> History:
    """Ten digits at step 250, at step 500 half of all samples are one of six."""
    before, after = (dataclasses.replace(record, supported=shares) for record, shares in zip(
        noise(500)[1:], ((0.1,) * 10, (0.5,) + (0.1,) * 5 + (0.0,) * 4), strict=True))
    return History(steps(500), [before, after])


SIGNS = {
    "growing swing": growing_swing,
    "one mode takes over": one_mode_takes_over,
    "scores part": lambda: History(
        steps(400, after=300, score_real=0.99, score_fake=0.02), evaluations(250)),
    "gradient fades": lambda: History(steps(400, after=300, grad_norm_g=0.05), evaluations(250)),
}


@pytest.mark.parametrize("sign", SIGNS)
def test_each_sign_is_seen_and_said_with_numbers(sign):
    """A warning without its number could not be checked against the curves."""
    warning, = early_warnings(SIGNS[sign](), CONFIG)
    assert warning.sign == sign and any(letter.isdigit() for letter in warning.text)
    assert warning.announces <= set(SYMPTOMS)


def test_there_is_a_history_for_every_sign():
    """A sign that nobody tries may never be seen."""
    assert len(SIGNS) == len(CHECKS)


def test_a_healthy_or_young_run_gets_no_warning():
    """Who is warned for nothing stops listening."""
    assert early_warnings(HEALTHY, CONFIG) == []
    for history in (History(), History(steps(50)), History([], evaluations(0))):
        assert early_warnings(history, CONFIG) == []


def test_every_history_can_be_looked_at():
    """A damaged or unusual run must not break the page."""
    for history, config in SHOWN.values():
        early_warnings(history, config)


@pytest.mark.parametrize("sign", SIGNS)
def test_the_command_line_tells_each_sign_once(sign, capsys):
    """Who trains without the page would learn of it only when it is there."""
    history, progress = SIGNS[sign](), Progress(CONFIG)
    for record in sorted([*history.steps, *history.evaluations], key=lambda r: r.step):
        progress(record)
    progress(dataclasses.replace(history.steps[-1], step=history.last_step + 50))
    told = [line for line in capsys.readouterr().err.splitlines() if "warning" in line]
    begins = early_warnings(history, CONFIG)[0].text.split(":")[0]
    assert sum(begins in line for line in told) == 1
    assert len({line.split(":")[1] for line in told}) == len(told)
