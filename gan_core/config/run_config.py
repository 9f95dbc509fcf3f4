"""RunConfig: one frozen, validated, serialisable description of a training run.

    config = RunConfig(loss="minimax", steps=400)
    config.digest(), config.to_json(), config.to_query()

A trajectory is a deterministic function of its config and seed on one kind of device; `steps` says
only how far to train. So `digest()`, which names a run, leaves `steps` out. The settings themselves
are in `fields`, what is allowed of one in `validation` and of several in `constraints`.
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from gan_core.config import schedule as schedules
from gan_core.config.constraints import CONSTRAINTS
from gan_core.config.fields import KNOBS, Fields
from gan_core.config.validation import (
    ConfigError,
    as_text,
    checked,
    parse_value,
    refuse_unknown,
)

# Raised whenever the same config would train to other numbers than before, so that stored runs of
# an older trainer are not taken for runs of this one. Changing a field's default raises it too,
# since a digest is made of what differs from the defaults.
TRAJECTORY_VERSION = 1


@dataclass(frozen=True)
class RunConfig(Fields):
    """A GAN training run. Raises ConfigError on any value outside its knob's range."""

    def __post_init__(self) -> None:
        for name in KNOBS:
            object.__setattr__(self, name, checked(name, getattr(self, name)))
        self._check_constraints()
        if self.schedule:  # equal schedules are written alike, without changes that change nothing
            object.__setattr__(self, "schedule", _as_schedule(self.stages))

    def _check_constraints(self) -> None:
        for constraint in CONSTRAINTS:
            if (refusal := constraint(self)) is not None:
                raise ConfigError(*refusal)

    # --- its name, and other configs ------------------------------------------------------------

    def digest(self) -> str:
        """Sixteen hex digits naming the trajectory: every field but `steps`.

        Only fields that differ from their default are hashed, so that a field added later, with a
        default that changes nothing, leaves the names of stored runs as they are.
        """
        content = self.changes()
        content.pop("steps", None)
        text = json.dumps({"version": TRAJECTORY_VERSION, **content}, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def replace(self, **changes: Any) -> RunConfig:
        """A copy with some fields changed, validated; an unknown field raises ConfigError."""
        refuse_unknown(changes)
        return dataclasses.replace(self, **changes)

    def changes(self, base: RunConfig | None = None) -> dict[str, Any]:
        """Fields whose value differs from `base` (default: a plain RunConfig)."""
        base = base or DEFAULT
        return {
            name: getattr(self, name)
            for name in KNOBS
            if getattr(self, name) != getattr(base, name)
        }

    # --- changes in mid-run ----------------------------------------------------------------------

    @functools.cached_property
    def stages(self) -> tuple[tuple[int, RunConfig], ...]:
        """(step, settings from that step on), in order, the first from 0; none has a schedule.

        Raises ConfigError if the schedule cannot be used.
        """
        stages = [(0, dataclasses.replace(self, schedule=""))]
        try:
            changes = schedules.parse(self.schedule)
        except ValueError as error:
            raise _bad_schedule(str(error)) from None
        for step, texts in changes:
            stages.append((step, _next_stage(stages[-1][1], step, texts)))
        return tuple(stages)

    def at(self, step: int) -> RunConfig:
        """The settings in force after `step` steps, without a schedule."""
        return next(config for since, config in reversed(self.stages) if since <= step)

    def changed(self, step: int, **changes: Any) -> RunConfig:
        """The same run for `step` steps and with `changes` from there on. Raises ConfigError."""
        refuse_unknown(changes)
        texts = {name: as_text(value) for name, value in changes.items()}
        earlier = [stage for stage in self.stages if stage[0] < step]
        stages = (*earlier, (step, _next_stage(self.at(step), step, texts)))
        return self.replace(schedule=_as_schedule(stages))

    def origins(self) -> Iterator[tuple[RunConfig, int]]:
        """Configs with fewer changes in mid-run, each with the step until which both train alike.

        The one that goes along longest comes first.
        """
        for count in range(len(self.stages) - 1, 0, -1):
            earlier = _as_schedule(self.stages[:count])
            yield self.replace(schedule=earlier), self.stages[count][0]

    # --- to and from text ------------------------------------------------------------------------

    def to_dict(self) -> dict[str, Any]:
        return dataclasses.asdict(self)

    def to_json(self) -> str:
        return json.dumps(self.to_dict(), indent=1)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> RunConfig:
        """Missing fields take their default; unknown ones raise ConfigError."""
        if not isinstance(values, Mapping):
            raise ConfigError("config", "a config must be a JSON object of field names and values.")
        refuse_unknown(values)
        return cls(**values)

    @classmethod
    def from_json(cls, text: str) -> RunConfig:
        try:
            values = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise ConfigError("config", f"the config is not valid JSON: {error}.") from None
        return cls.from_dict(values)

    def to_query(
        self, *, full: bool = False, base: RunConfig | None = None
    ) -> dict[str, str]:
        """URL parameters: what differs from `base` (default: a plain RunConfig), or every field.

        A full query keeps its meaning if a default ever changes.
        """
        values = self.to_dict() if full else self.changes(base)
        return {name: as_text(value) for name, value in values.items()}

    @classmethod
    def from_query(
        cls, query: Mapping[str, str], base: RunConfig | None = None
    ) -> tuple[RunConfig, list[str]]:
        """Read URL parameters; a bad value keeps `base`'s (default: a plain RunConfig's).

        Returns the config and one sentence for each problem. Never raises: a URL is typed by hand.
        """
        values, problems = _read(query)
        # Together, not one by one: a data set and the networks that fit it arrive as a pair.
        while True:
            try:
                return (base or DEFAULT).replace(**values), problems
            except ConfigError as error:
                problems.append(str(error))
                del values[_to_leave_out(values, base or DEFAULT, error.field_name)]


def _next_stage(before: RunConfig, step: int, texts: Mapping[str, str]) -> RunConfig:
    """`before` with the values written in `texts`. Raises ConfigError."""
    fixed = [name for name in texts if name not in KNOBS or not KNOBS[name].mid_run]
    if fixed:
        able = ", ".join(name for name, knob in KNOBS.items() if knob.mid_run)
        raise _bad_schedule(f"{fixed[0][:40]!r} cannot change in mid-run; these can: {able}")
    try:
        return before.replace(**{name: parse_value(name, text) for name, text in texts.items()})
    except ConfigError as error:
        raise _bad_schedule(f"at step {step} {error}".rstrip(".")) from None


def _bad_schedule(clause: str) -> ConfigError:
    return ConfigError("schedule", f"schedule must be {KNOBS['schedule'].form}: {clause}.")


def _as_schedule(stages: Sequence[tuple[int, RunConfig]]) -> str:
    """The schedule that gives these stages."""
    changes = [
        (step, {name: as_text(value) for name, value in config.changes(base=before).items()})
        for (_, before), (step, config) in pairwise(stages)
    ]
    return schedules.to_text([change for change in changes if change[1]])


def _read(query: Mapping[str, str]) -> tuple[dict[str, Any], list[str]]:
    """The good values of a query, each checked by itself, and a sentence for each bad one."""
    values: dict[str, Any] = {}
    problems: list[str] = []
    known = [name for name in KNOBS if name in query]
    for name in [*known, *(name for name in query if name not in KNOBS)]:
        try:
            values[name] = checked(name, parse_value(name, str(query[name])))
        except ConfigError as error:
            problems.append(str(error))
    return values, problems


def _to_leave_out(values: Mapping[str, Any], base: RunConfig, blamed: str) -> str:
    """Which of `values` to leave out when `base` with all of them is refused for field `blamed`.

    Best one without which the others are accepted; then one without which `blamed` is no longer
    the problem; among equals, `blamed` itself.
    """

    def rank(name: str) -> tuple[int, bool]:
        rest = {other: value for other, value in values.items() if other != name}
        try:
            base.replace(**rest)
        except ConfigError as error:
            return 2 if error.field_name == blamed else 1, name != blamed
        return 0, name != blamed

    return min(values, key=rank)


DEFAULT = RunConfig()
