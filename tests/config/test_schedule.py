"""Changes in mid-run: a schedule is read, named, continued and refused."""

from __future__ import annotations

import pytest

from gan_core.config.fields import KNOBS
from gan_core.config.run_config import DEFAULT, RunConfig
from gan_core.config.validation import ConfigError
from tests.config.random_configs import another


def test_a_schedule_says_what_is_in_force_when():
    """Otherwise a rescue would begin at another step, or change something else."""
    config = RunConfig(schedule="@500 dropout=0.4 @800 r1=0.1 learning_rate=1e-3")
    assert (config.at(0).dropout, config.at(499).dropout, config.at(500).dropout) == (0, 0, 0.4)
    late = config.at(5000)
    assert (late.dropout, late.r1, late.learning_rate, late.schedule) == (0.4, 0.1, 1e-3, "")
    assert [step for step, _ in config.stages] == [0, 500, 800]
    assert DEFAULT.stages == ((0, DEFAULT),)


def test_equal_schedules_have_one_name():
    """Otherwise the same run would be trained twice, or a change of nothing be a run of its own."""
    one = RunConfig(schedule="@500  learning_rate=1e-3 dropout=0.40")
    other = RunConfig(schedule=" @500 dropout=.4 learning_rate=0.001 ")
    assert one == other and one.digest() == other.digest() != DEFAULT.digest()
    assert RunConfig(schedule="@500 dropout=0.0") == DEFAULT
    assert one.digest() == RunConfig(schedule=one.schedule, steps=7).digest()


def test_a_change_can_be_added_and_looked_back_from():
    """Otherwise a second rescue would lose the first, or keep what came after it."""
    once = RunConfig().changed(500, dropout=0.4)
    twice = once.changed(800, dropout=0.2, r1=0.1)
    assert twice.schedule == "@500 dropout=0.4 @800 dropout=0.2 r1=0.1"
    assert twice.changed(600, loss="hinge").schedule == "@500 dropout=0.4 @600 loss=hinge"
    assert twice.changed(500, dropout=0.5) == RunConfig(schedule="@500 dropout=0.5")
    assert [(origin, step) for origin, step in twice.origins()] == [(once, 800), (DEFAULT, 500)]
    with pytest.raises(ConfigError, match="'seed' cannot change in mid-run; these can: loss, "):
        once.changed(700, seed=3)


BAD_SCHEDULES = {
    "500 dropout=0.4": "'500' does not belong there",
    "dropout=0.4": "'dropout=0.4' does not belong there",
    "@500": "a step stands there without a change",
    "@0 dropout=0.4": "the steps must rise, from 1 on",
    "@9 dropout=0.4 @8 r1=1": "the steps must rise",
    "@5 architecture=dcgan": "'architecture' cannot change in mid-run",
    "@5 nonsense=1": "'nonsense' cannot change in mid-run",
    "@5 dropout=2": "at step 5 dropout must be a number from 0 to 0.8, not 2.0",
    "@5 dropout=x": "at step 5 dropout must be a number from 0 to 0.8, not 'x'",
    "@5 loss=hinge label_smoothing=0.1": "at step 5 label_smoothing must be 0 for the loss hinge",
    " ".join(f"@{step} dropout=0.{step % 7}" for step in range(1, 11)): "at most 8 changes",
    "@5 dropout=0." + "1" * 2000: "at most 8 changes and 1000 characters",
}


@pytest.mark.parametrize("text", BAD_SCHEDULES)
def test_a_bad_schedule_is_refused_in_words(text):
    """Otherwise a mistyped link would train without the change, or raise."""
    with pytest.raises(ConfigError) as refusal:
        RunConfig(schedule=text)
    assert refusal.value.field_name == "schedule"
    message = str(refusal.value)
    assert message.startswith("schedule must be changes with rising steps like @500 dropout=0.4")
    assert BAD_SCHEDULES[text] in message and message.endswith(".")
    config, problems = RunConfig.from_query({"schedule": text, "seed": "7"})
    assert config == RunConfig(seed=7) and problems == [message]


def test_what_may_change_in_mid_run_can_be_written_down():
    """Otherwise a slider moved during a run would be refused."""
    wrong = []
    for name in (name for name, knob in KNOBS.items() if knob.mid_run):
        value = getattr(another(name), name)
        config = RunConfig().changed(10, **{name: value})
        same = RunConfig.from_query(config.to_query()) == (config, [])
        if getattr(config.at(10), name) != value or not same:
            wrong.append((name, config.schedule))
    assert not wrong
