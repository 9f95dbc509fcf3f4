"""Time to quality: who is timed, what counts as good, and what is said of a side that never is."""

from __future__ import annotations

import json

import pytest
import torch

from gan_core import __main__ as cli
from gan_core.benchmarks import race_to_quality
from gan_core.benchmarks.cases import CONTESTS
from gan_core.benchmarks.race_to_quality import OurSide, TheirSide, is_good
from gan_core.config.presets import CHALLENGES
from gan_core.evaluation import metrics

CPU = torch.device("cpu")
GOOD = {"modes": 10.0, "modes_total": 10.0, "frechet": 99.0, "coverage": 0.5}
POOR = {**GOOD, "frechet": 101.0}


@pytest.fixture
def sides(monkeypatch):
    """Both sides, as scripts of what is seen and when; they are told what they were made for."""
    made = {}

    def side(name, script):
        class Side:
            def __init__(self, config, device):
                made[name] = config
                self.script = iter(script)
                self.seconds, self.step = 0.0, 0

            def look(self):
                self.step += 250
                self.seconds, seen = next(self.script)
                return seen

        monkeypatch.setattr(race_to_quality, name, Side)

    return made, side


def test_good_is_all_ten_digits_and_a_frechet_distance_below_100():
    assert is_good(GOOD)
    assert not is_good(POOR)
    assert not is_good({**GOOD, "modes": 9.0})


def test_the_ratio_is_of_the_seconds_at_which_each_was_good(sides, capsys):
    made, side = sides
    side("OurSide", [(5.0, POOR), (10.0, GOOD)])
    side("TheirSide", [(20.0, POOR), (40.0, POOR), (60.0, GOOD)])
    assert cli.main(["bench", "--quality", "--json", "--device", "cpu"]) == 0
    told = capsys.readouterr()
    found = json.loads(told.out)
    assert found["ratio"] == pytest.approx(6.0)
    assert (found["ours"]["steps"], found["textbook"]["steps"]) == (500, 750)
    assert "textbook: step 250, 20 s: 10 digits, Fréchet 101" in told.err
    baseline = CHALLENGES["baseline"]
    assert made["OurSide"] == baseline.presets[baseline.start].config
    assert made["TheirSide"] == CONTESTS["mlp_reference"].config


def test_a_race_ends_when_one_side_has_taken_six_times_as_long(sides, capsys):
    """Otherwise the command would train on for hours to say what is known by then."""
    _, side = sides
    side("OurSide", [(10.0, GOOD)])
    side("TheirSide", [(20.0, POOR), (59.0, POOR), (61.0, POOR)])
    assert cli.main(["bench", "--quality", "--device", "cpu"]) == 0
    out = capsys.readouterr().out
    assert "not reached in 61 s, 750 steps" in out
    assert "more than 6.1 × sooner" in out


def test_a_side_that_never_gets_there_is_said_not_to(sides, capsys):
    """A run that ended, and one that has had its time; no ratio is made up of them."""
    _, side = sides
    side("OurSide", [(5.0, POOR), (5.0, None)])
    side("TheirSide", [(race_to_quality.MOST_SECONDS + 1, POOR)])
    assert cli.main(["bench", "--quality", "--device", "cpu"]) == 0
    out = capsys.readouterr().out
    assert "not reached in 5 s, 500 steps" in out
    assert "not reached in 1801 s, 250 steps" in out
    assert "sooner" not in out


def test_the_textbook_is_looked_at_by_the_metrics_of_our_runs(monkeypatch):
    """Its clock runs while it trains alone, its G is measured as it is when it is used."""
    monkeypatch.setattr(race_to_quality, "INTERVAL", 2)
    monkeypatch.setattr(metrics, "sample_count", lambda kind: 1000)
    side = TheirSide(CONTESTS["mlp_reference"].config.replace(batch_size=8), CPU)
    modes = []
    side.textbook.generator.register_forward_hook(lambda g, *_: modes.append(g.training))
    seen = side.look()
    assert side.step == 2
    assert side.seconds > 0
    assert seen["modes_total"] == 10
    assert seen["frechet"] > race_to_quality.BELOW
    assert modes == [True] * 2 + [False] * 4  # parts of 250 samples
    assert side.textbook.generator.training


def test_our_side_is_a_session_with_its_evaluations(monkeypatch):
    side = OurSide(CHALLENGES["baseline"].presets["healthy"].config.replace(batch_size=4), CPU)
    first = side.look()
    assert first["modes_total"] == 10
    assert side.step == 0
    assert side.seconds > 0
    assert side.training.config.steps == 200_000
