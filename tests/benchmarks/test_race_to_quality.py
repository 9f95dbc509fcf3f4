"""Time to quality: who is timed, what counts as good, and the report on a side that never is."""

from __future__ import annotations

import json

import pytest
import torch

from gan_core.benchmarks import race_to_quality
from gan_core.benchmarks.cases import CASES
from gan_core.benchmarks.race_to_quality import OurSide, TheirSide, is_good
from gan_core.cli.main import main
from gan_core.config.presets import CHALLENGES
from gan_core.evaluation import metrics

CPU = torch.device("cpu")
GOOD = {"modes": 10.0, "modes_total": 10.0, "frechet": 99.0, "coverage": 0.5}
POOR = {**GOOD, "frechet": 101.0}


@pytest.fixture
def sides(monkeypatch):
    """Both sides, as scripts of (seconds, metrics); `configs` are those they were made for."""
    configs = {}

    def side(name, script):
        class Side:
            def __init__(self, config, device):
                configs[name] = config
                self.script = iter(script)
                self.seconds, self.step = 0.0, 0

            def train_on(self):
                self.step += 250
                self.seconds, values = next(self.script)
                return values

        monkeypatch.setattr(race_to_quality, name, Side)

    return configs, side


def test_good_is_all_ten_digits_and_a_frechet_distance_below_100():
    """The race would be to another goal than the report names."""
    assert is_good(GOOD)
    assert not is_good(POOR)
    assert not is_good({**GOOD, "modes": 9.0})


def test_the_ratio_is_of_the_seconds_at_which_both_were_good(sides, capsys):
    """The report would say that ours is so many times sooner where it is not."""
    configs, side = sides
    side("OurSide", [(5.0, POOR), (10.0, GOOD)])
    side("TheirSide", [(20.0, POOR), (40.0, POOR), (60.0, GOOD)])
    assert main(["bench", "--quality", "--json", "--device", "cpu"]) == 0
    output = capsys.readouterr()
    report = json.loads(output.out)
    assert report["ratio"] == pytest.approx(6.0)
    assert (report["ours"]["steps"], report["textbook"]["steps"]) == (500, 750)
    assert "textbook: step 250, 20 s: 10 digits, Fréchet 101" in output.err
    baseline = CHALLENGES["baseline"]
    assert configs["OurSide"] == baseline.presets[baseline.start].config
    assert configs["TheirSide"] == CASES["mlp_reference"].config


def test_a_race_ends_when_one_side_has_taken_six_times_as_long(sides, capsys):
    """Otherwise the command would train on for hours to say what is known by then."""
    _, side = sides
    side("OurSide", [(10.0, GOOD)])
    side("TheirSide", [(20.0, POOR), (59.0, POOR), (61.0, POOR)])
    assert main(["bench", "--quality", "--device", "cpu"]) == 0
    out = capsys.readouterr().out
    assert "not reached in 61 s, 750 steps" in out
    assert "more than 6.1 × sooner" in out


def test_a_side_that_never_gets_there_is_said_not_to(sides, capsys):
    """A run that ended, and one that has had its time; no ratio is made up of them."""
    _, side = sides
    side("OurSide", [(5.0, POOR), (5.0, None)])
    side("TheirSide", [(race_to_quality.MOST_SECONDS + 1, POOR)])
    assert main(["bench", "--quality", "--device", "cpu"]) == 0
    out = capsys.readouterr().out
    assert "not reached in 5 s, 500 steps" in out
    assert "not reached in 1801 s, 250 steps" in out
    assert "sooner" not in out


def test_the_reference_loop_is_evaluated_by_the_metrics_of_our_runs(monkeypatch):
    """Its clock runs in training alone, and its G is evaluated in evaluation mode."""
    monkeypatch.setattr(race_to_quality, "INTERVAL", 2)
    monkeypatch.setattr(metrics, "sample_count", lambda kind: 1000)
    side = TheirSide(CASES["mlp_reference"].config.replace(batch_size=8), CPU)
    modes = []
    side.loop.generator.register_forward_hook(lambda g, *_: modes.append(g.training))
    values = side.train_on()
    assert side.step == 2
    assert side.seconds > 0
    assert values["modes_total"] == 10
    assert values["frechet"] > race_to_quality.BELOW
    assert modes == [True] * 2 + [False] * 4  # parts of 250 samples
    assert side.loop.generator.training


def test_our_side_is_a_session_with_its_evaluations():
    """Our seconds would be those of another training than a visitor's."""
    side = OurSide(CHALLENGES["baseline"].presets["healthy"].config.replace(batch_size=4), CPU)
    first = side.train_on()
    assert first["modes_total"] == 10
    assert side.step == 0
    assert side.seconds > 0
    assert side.trainer.config.steps == 200_000
