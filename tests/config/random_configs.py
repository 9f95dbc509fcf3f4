"""Configs for the tests: one that differs in a single field, and random ones over whole ranges."""

from __future__ import annotations

import math
import random

from gan_core.config.choices import ARCHITECTURES, DATASETS, LOSSES, STDDEV_GROUP
from gan_core.config.fields import FIELD_TYPES, KNOB_DEFAULTS, KNOBS
from gan_core.config.run_config import DEFAULT, RunConfig
from gan_core.config.validation import ConfigError

# What else has to be set before a field may take every value of its range.
CONTEXTS = {"fold": RunConfig(folds=10), "training_examples": RunConfig(dataset="ring")}


def another(name: str) -> RunConfig:
    """A config that differs from the field's context in this field alone."""
    knob, base = KNOBS[name], CONTEXTS.get(name, DEFAULT)
    if knob.form:
        options = ["@500 dropout=0.5"]
    elif FIELD_TYPES[name] is bool:
        options = [not getattr(base, name)]
    else:
        options = list(knob.choices or (knob.low, knob.high, (knob.low + knob.high) // 2))
    for value in options:
        if value != getattr(base, name) and accepted(base, {name: FIELD_TYPES[name](value)}):
            return base.replace(**{name: FIELD_TYPES[name](value)})
    raise AssertionError(f"{name} has one value only")


def accepted(base: RunConfig, values: dict) -> bool:
    try:
        base.replace(**values)
    except ConfigError:
        return False
    return True


def random_value(name: str, draw: random.Random):
    """A value of the field from its whole range, spread as its control spreads it."""
    knob, kind = KNOBS[name], FIELD_TYPES[name]
    if knob.form:
        return draw.choice(["", "@7 learning_rate=0.000123", "@500 dropout=0.5 @900 dropout=0.7"])
    if kind is bool:
        return draw.random() < 0.5
    if knob.choices:
        return draw.choice(list(knob.choices))
    if kind is int and knob.scale == "linear":
        return draw.randint(int(knob.low), int(knob.high))
    if knob.beside and draw.random() < 0.5:
        return draw.choice(list(knob.beside))
    if knob.scale == "linear":
        return draw.uniform(knob.low, knob.high)
    value = math.exp(draw.uniform(math.log(knob.low), math.log(knob.high)))
    value = round(value) if kind is int else value
    return kind(min(max(value, knob.low), knob.high))


def random_config(seed: int) -> RunConfig:
    """Any valid config: every field drawn over its whole range, then what the constraints ask."""
    draw = random.Random(seed)
    # A few defaults among them: the constraints leave little of a config that sets everything.
    values = {name: random_value(name, draw) if draw.random() < 0.7 else KNOB_DEFAULTS[name]
              for name in KNOBS}
    data = DATASETS[values["dataset"]]
    fitting = [name for name, card in ARCHITECTURES.items() if data.kind in card.kinds]
    values["architecture"] = draw.choice(fitting)
    networks = ARCHITECTURES[values["architecture"]]
    values["training_examples"] = draw.randint(0, data.examples)
    values["folds"] = draw.choice([0, *range(2, 11)])
    values["fold"] = draw.randrange(max(values["folds"], 1))
    off = {"width", "depth", "minibatch_stddev"} - networks.resizable
    if networks.batch_norm_in_d:
        off |= {"gradient_penalty", "r1", "r2"}
    if not LOSSES[values["loss"]].targets:
        off |= {name for name, knob in KNOBS.items() if knob.moves_targets}
    if values["spectral_norm"]:
        off.add("weight_clip")
    if data.kind == "points":
        off.add("augment")
    if values["update_order"] == "simultaneous":
        off |= {"discriminator_steps", "generator_steps"}
    values.update({name: KNOB_DEFAULTS[name] for name in off})
    group = values["packing"] * (STDDEV_GROUP if values["minibatch_stddev"] else 1)
    low, high = int(KNOBS["batch_size"].low), int(KNOBS["batch_size"].high)
    values["batch_size"] = group * draw.randint(-(-low // group), high // group)
    return RunConfig(**values)
