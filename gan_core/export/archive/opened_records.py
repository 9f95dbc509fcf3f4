"""The records of a run that somebody has sent: only what a training can have written.

The store reads its own files with patience, since a process may have been killed while it wrote.
What comes from elsewhere has to be whole. Torch-free.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

from gan_core.config.run_config import RunConfig
from gan_core.export.archive.sound_zip import ArchiveError
from gan_core.runs.records import ADDED_NUMBERS, EvalRecord, StepRecord, from_line, to_line

LONGEST_LINE = 50_000  # bytes; an evaluation has some 3,000
LARGEST = 3.5e38  # beyond what 32 bits hold
MOST_ENDS = 50  # evaluations besides those that are due: where a run ended, and was continued
AT_A_TIME = 1000  # records, after which it is looked at the clock
MOST_METRICS = 100  # of an evaluation; there are some 45
MOST_NUMBERS = 256  # in a list of an evaluation: a sheet has 64 images
_METRIC = re.compile(r"[a-z][a-z0-9_]{0,39}")


def rewrite_records(
    name: str, sent: Path, history: Path, config: RunConfig, steps: int,
    check_time: Callable[[str], None] = lambda name: None,
) -> None:
    """Write the records of the file `sent` into `history` as the store itself writes them: what is
    kept is what was understood.

    Raises ArchiveError at the first line that is not a record of a run of `steps` steps, and at the
    first evaluation that is more than a training makes in these; the messages call the file `name`.
    `check_time` is asked now and then whether there is time left.
    """
    with open(history, "x", encoding="utf-8", newline="\n") as file:
        for number, record in enumerate(_records(name, sent, config, steps)):
            if number % AT_A_TIME == 0:
                check_time(name)
            file.write(f"{to_line(record)}\n")
    if not history.stat().st_size:
        raise ArchiveError(f"{name} is empty; a run needs at least one record.")


def most_evaluations(steps: int) -> int:
    """How many evaluations a run of `steps` steps can have: those that the trainer makes, by
    `evaluation_due`, which is in a room with torch, and MOST_ENDS. To judge a run takes a time that
    grows with their square."""
    dense = min(steps, 5000)
    return 1 + dense // 250 + (steps - dense) // 1000 + MOST_ENDS


def _records(
    name: str, sent: Path, config: RunConfig, steps: int
) -> Iterator[StepRecord | EvalRecord]:
    last: dict[type, int] = {StepRecord: 0, EvalRecord: -1}
    evaluations, most = 0, most_evaluations(steps)
    known: set[str] | None = None  # metrics of the first evaluation; later versions add some
    with open(sent, "rb") as file:
        for number, line in enumerate(iter(lambda: file.readline(LONGEST_LINE), b""), 1):
            where = f"Line {number} of {name}"
            if not line.endswith(b"\n"):
                raise ArchiveError(f"{where} is cut off, or longer than {LONGEST_LINE} bytes; a "
                                   "record is one whole line.")
            record = _record(where, line)
            if not last[type(record)] < record.step <= steps:
                raise ArchiveError(
                    f"{where} is of step {record.step}; from the line before, it must be a step "
                    f"from {last[type(record)] + 1} to {steps}.")
            last[type(record)] = record.step
            _check_numbers(where, record, config)
            if isinstance(record, EvalRecord):
                evaluations += 1
                if evaluations > most:
                    raise ArchiveError(f"{where} is one evaluation too many: a run of {steps} steps"
                                       f" can have at most {most}.")
                known = set(record.metrics) if known is None else known
                if missing := sorted(known - set(record.metrics)):
                    raise ArchiveError(f"{where} lacks {missing[0]}, which the first evaluation "
                                       "has; all must have what that one has.")
            yield record


def _record(where: str, line: bytes) -> StepRecord | EvalRecord:
    try:
        return from_line(line)
    except (ValueError, OverflowError) as error:
        words = ascii(str(error))[1:-1][:80].rstrip(".")
        if words.startswith("not a record"):  # the rest is Python's
            words = "it must be a step or an evaluation, one JSON object with its numbers"
        raise ArchiveError(f"{where} is not a record: {words}.") from None


def _check_numbers(where: str, record: StepRecord | EvalRecord, config: RunConfig) -> None:
    if isinstance(record, StepRecord):
        numbers = [getattr(record, name) for name in record.__slots__]
    else:
        _check_metrics(where, record, config)
        numbers = [*record.metrics.values(), *record.histogram, record.seconds,
                   *(value for name in ADDED_NUMBERS for value in getattr(record, name))]
    if any(abs(value) > LARGEST for value in numbers):  # false for NaN, which null is read as
        raise ArchiveError(f"{where} has a number beyond ±{LARGEST:g}, the largest that a run can "
                           "have.")


def _check_metrics(where: str, record: EvalRecord, config: RunConfig) -> None:
    """Names that are names, lists as long as there are modes, and counts that are counts."""
    if len(record.metrics) > MOST_METRICS or not all(map(_METRIC.fullmatch, record.metrics)):
        raise ArchiveError(f"{where} must have at most {MOST_METRICS} metrics, whose names are of "
                           "letters from a to z, digits and _.")
    modes = config.card.modes
    if record.metrics["modes_total"] != modes:
        raise ArchiveError(f"{where}: modes_total must be {modes}, as {config.dataset} has so "
                           "many.")
    for name in ("histogram", "supported", "training"):
        if len(getattr(record, name)) not in (0, modes):
            raise ArchiveError(f"{where}: {name} must have {modes} numbers, one a mode.")
    if any(len(getattr(record, name)) > MOST_NUMBERS for name in ADDED_NUMBERS):
        raise ArchiveError(f"{where} has a list of more than {MOST_NUMBERS} numbers.")
    if not 0 <= record.seconds < 1e9:
        raise ArchiveError(f"{where}: seconds must be a number from 0 to 1e9.")
