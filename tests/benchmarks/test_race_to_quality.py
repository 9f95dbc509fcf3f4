"""Time to quality: who is timed, what counts as good, and the report on a side that never is."""

from __future__ import annotations

import json
import math

import pytest
import torch

from gan_core.benchmarks import race_to_quality
from gan_core.benchmarks.cases import CASES
from gan_core.benchmarks.race_to_quality import OurSide, TheirSide, reached
from gan_core.cli.main import main
from gan_core.config.presets import BEST_DCGAN, BEST_SESSION, CHALLENGES
from gan_core.evaluation import metrics

CPU = torch.device("cpu")
GOOD = {"modes_supported": 10.0, "modes_total": 10.0, "frechet": 99.0}
POOR = {**GOOD, "frechet": 101.0}
BEST = {**GOOD, "frechet": 40.0}


@pytest.fixture
def sides(monkeypatch):
    """All sides, as scripts of (seconds, metrics); `configs` are those they were made for."""
    configs = []

    def side(name, *scripts):
        rest = iter(scripts)

        class Side:
            def __init__(self, config, device):
                configs.append(config)
                self.script = iter(next(rest, scripts[-1]))
                self.seconds, self.step = 0.0, 0

            def train_on(self):
                self.step += 250
                self.seconds, values = next(self.script)
                return values

        monkeypatch.setattr(race_to_quality, name, Side)

    return configs, side


def report_of(capsys, *more: str):
    assert main(["bench", "--quality", "--json", "--device", "cpu", *more]) == 0
    output = capsys.readouterr()
    return json.loads(output.out), output.err


def test_good_is_all_ten_digits_at_a_small_frechet_distance():
    """The race would be to another goal than the report names."""
    assert reached(GOOD, 100.0) and not reached(GOOD, 50.0)
    assert not reached(POOR, 100.0)
    assert not reached({**GOOD, "modes_supported": 9.0}, 100.0)


def test_the_ratio_is_of_the_seconds_at_which_both_were_good(sides, capsys):
    """The report would say that ours is so many times sooner where it is not."""
    configs, side = sides
    side("OurSide", [(5.0, POOR), (8.0, GOOD), (20.0, BEST), (50.0, POOR)],
         [(12.0, GOOD), (46.0, BEST)], [(30.0, GOOD), (45.0, POOR)], [(45.0, GOOD)])
    side("TheirSide", [(200.0, POOR), (400.0, GOOD)])
    report, told = report_of(capsys, "--seeds", "2")
    assert report["ratio"] == pytest.approx(400 / 10) and not report["lower_limit"]
    assert report["ours"][0]["goals"] == {"100": {"seconds": 8.0, "steps": 500},
                                          "50": {"seconds": 20.0, "steps": 750}}
    assert report["ours"][0]["best"] == 40.0 and report["ours"][0]["best_seconds"] == 20.0
    assert [each["seed"] for each in report["ours"]] == [30, 31]
    assert "gan.py, seed 30: step 250, 200 s: 10 digits, Fréchet 101" in told
    assert configs == [*(BEST_SESSION.replace(seed=seed) for seed in (30, 31)),
                       *(BEST_DCGAN.replace(seed=seed) for seed in (30, 31)),
                       CASES["mlp_reference"].config.replace(seed=30)]


def test_gan_py_has_as_long_as_it_is_given(sides, capsys):
    """Otherwise the command would train on for hours to say what is known by then."""
    _, side = sides
    side("OurSide", [(10.0, BEST), (45.0, BEST)])
    side("TheirSide", [(200.0, POOR), (290.0, POOR), (310.0, POOR)])
    report, _ = report_of(capsys, "--limit", "300")
    assert report["ratio"] == pytest.approx(31) and report["lower_limit"]
    side("OurSide", [(10.0, BEST), (45.0, BEST)])
    side("TheirSide", [(310.0, POOR)])
    assert main(["bench", "--quality", "--device", "cpu", "--limit", "300"]) == 0
    out = capsys.readouterr().out
    assert "100: reached by 0 of 1" in out and "more than 31 × sooner" in out
    assert "100: reached by 5 of 5 in 10.0 s (10.0 to 10.0)" in out


def test_a_side_that_never_gets_there_is_said_not_to(sides, capsys):
    """A run that ended, and one that has had its time; no ratio is made up of them."""
    _, side = sides
    side("OurSide", [(5.0, POOR), (5.0, None)], [(race_to_quality.MOST_OF_OURS + 1, GOOD)],
         [(45.0, POOR)])
    side("TheirSide", [(2000.0, POOR)])
    report, _ = report_of(capsys, "--seeds", "2")
    assert report["ratio"] is None
    assert [each["goals"]["100"] is None for each in report["ours"]] == [True, False]
    side("OurSide", [(5.0, POOR), (5.0, None)], [(50.0, POOR)])
    assert main(["bench", "--quality", "--device", "cpu", "--seeds", "1"]) == 0
    assert "sooner" not in capsys.readouterr().out


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
    assert values["modes_total"] == 10 and values["modes_supported"] < 10
    assert values["frechet"] > race_to_quality.GOALS[0]
    assert modes == [True] * 2 + [False] * 4  # parts of 250 samples
    assert side.loop.generator.training


def test_our_side_is_a_session_with_its_evaluations_of_the_averaged_generator(monkeypatch):
    """Our seconds would be those of another training than a visitor's."""
    monkeypatch.setattr("gan_core.training.evaluator.evaluation_due", lambda step: step % 3 == 0)
    monkeypatch.setattr("gan_core.training.trainer.evaluation_due", lambda step: step % 3 == 0)
    side = OurSide(CHALLENGES["baseline"].presets["healthy"].config.replace(batch_size=4), CPU)
    first = side.train_on()
    assert first["modes_total"] == 10
    assert side.step == 0
    assert side.seconds > 0
    assert side.trainer.config.steps == 200_000
    values = side.train_on()
    assert values["frechet"] == values["ema_frechet"] and math.isfinite(values["frechet"])
    assert values["modes_supported"] == values["ema_modes_supported"]
