"""The training loop: one for each part of the run in which steps are alike."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass
from itertools import pairwise

from gan_core.config.run_config import RunConfig
from gan_core.config.validation import as_text
from gan_core.export.code import objective, optimizers
from gan_core.export.code.constants import Constant, assignments, constants
from gan_core.export.code.inputs import inputs, words_of_inputs
from gan_core.export.code.networks import normalises_generator
from gan_core.export.code.phases import Phase
from gan_core.export.code.section import Section, indented, names_in, paragraphs
from gan_core.export.code.updates import GRADIENT_NORM, step

ORDER_WORDS = {
    "discriminator_first": "In each step D learns first, then G learns from the new D.",
    "generator_first": "In each step G learns first; D then learns from the same samples.",
    "simultaneous": "In each step both networks learn from the other one as it was.",
}


@dataclass(frozen=True)
class Function:
    """Functions that a step calls, which a change in mid-run may replace."""

    title: str
    words: str
    code: str


def functions(settings: RunConfig) -> list[Function]:
    """In the order in which they are defined; those without code are not needed."""
    return [
        Function("What D sees", words_of_inputs(settings), inputs(settings)),
        Function("The losses", objective.words_of_losses(settings), objective.losses(settings)),
        Function("The penalty", objective.words_of_penalties(settings),
                 objective.penalties(settings)),
    ]


def sections_of_functions(phase: Phase) -> list[Section]:
    """Those of the first phase."""
    return [Section(each.title, each.words, each.code)
            for each in functions(phase.settings) if each.code]


def sections(phases: list[Phase], above: str) -> list[Section]:
    """The loops; `above` is the code above them, whose constants have their first values."""
    first = constants(phases[0].settings)
    used = names_in(above) | names_in(step(phases[0]))
    values = {name: constant for name, constant in first.items() if name in used}
    made: list[Section] = []
    loops = _grouped(phases)
    for place, group in enumerate(loops):
        before = loops[place - 1][-1] if place else None
        head = "" if before is None else _change(before, group[0], values)
        made.append(Section(_title(before, group[0]), _words(group[0]),
                            paragraphs([head, _loop(group, values)])))
    return made


def _grouped(phases: list[Phase]) -> list[list[Phase]]:
    """Phases whose steps are alike, and differ in numbers alone, share a loop."""
    groups: list[list[Phase]] = []
    for phase in phases:
        if groups and _text(groups[-1][-1]) == _text(phase):
            groups[-1].append(phase)
        else:
            groups.append([phase])
    return groups


def _text(phase: Phase) -> tuple:
    return phase.frozen, step(phase), [each.code for each in functions(phase.settings)]


def _loop(group: list[Phase], values: dict[str, Constant]) -> str:
    whole = Phase(group[0].start, group[-1].end, group[0].settings)
    changes = [(phase.start, _numbers(before, phase, values)) for before, phase in pairwise(group)]
    body = paragraphs([
        *(f"if step == {start}:\n{indented(numbers)}" for start, numbers in changes if numbers),
        step(group[0])])
    return f"for step in {whole.steps}:\n{indented(body)}"


def _change(before: Phase, phase: Phase, values: dict[str, Constant]) -> str:
    """What happens between two loops."""
    earlier = [each.code for each in functions(before.settings)]
    renewed = [each.code for each in functions(phase.settings)
               if each.code and each.code not in earlier]
    freezes = phase.frozen and not before.frozen
    return paragraphs([
        "\n".join(filter(None, [_what_changes(before, phase), _numbers(before, phase, values)])),
        _freeze(phase.settings) if freezes else "",
        *(f"\n{code}\n" for code in renewed),
    ])


def _what_changes(before: Phase, phase: Phase) -> str:
    """A comment with the settings as the schedule has them, "" where none changes."""
    changes = phase.settings.changes(base=before.settings)
    text = ", ".join(f"{name} = {as_text(value)}" for name, value in changes.items())
    return "\n".join(textwrap.wrap(text, 96, initial_indent="# ", subsequent_indent="# "))


def _numbers(before: Phase, phase: Phase, values: dict[str, Constant]) -> str:
    """The constants that have another value from here on; `values` are those until here."""
    trained = "D" if phase.frozen else "DG"
    used = names_in(step(phase)) | {"DROPOUT"} & values.keys()
    used |= {f"LEARNING_RATE_{letter}" for letter in trained}
    for each in functions(phase.settings):
        used |= names_in(each.code)
    changed = {name: constant for name, constant in constants(phase.settings).items()
               if name in used and (name not in values or values[name].value != constant.value)}
    values.update(changed)
    lines = [assignments(changed)]
    for letter in trained:
        rate, group = f"LEARNING_RATE_{letter}", f"optimizer_{letter.lower()}.param_groups[0]"
        fresh = phase.frozen and not before.frozen  # its optimiser is made with the new rate
        if rate in changed and not fresh:
            lines.append(f'{group}["lr"] = {rate}')
    return "\n".join(filter(None, lines))


def _freeze(settings: RunConfig) -> str:
    lines = ["# A fresh D, with first weights and an optimiser of its own.",
             "_, discriminator = build_networks(SEED + 2**31)",
             optimizers.of_discriminator(settings)]
    if normalises_generator(settings):
        lines.append("generator.eval()")
    return paragraphs(["\n".join(lines), GRADIENT_NORM + "\n"])


# --- words ---------------------------------------------------------------------------------------


def _title(before: Phase | None, phase: Phase) -> str:
    if before is None:
        return "Training"
    if phase.frozen:
        return f"From step {phase.start} on, G {'still' if before.frozen else 'is'} frozen"
    return f"From step {phase.start} on"


def _words(phase: Phase) -> str:
    if phase.frozen:
        return ("Arjovsky & Bottou (2017), figure 2: a fresh D learns alone, and the length of the "
                "gradient that G would get is measured.")
    return ORDER_WORDS[phase.settings.update_order]
