"""Mending a run: remedies are tried, the best is taken, and so on from there until it is healthy.

    for each in rounds(start, train): print(each.taken)

`train` trains trials and says what became of them; nothing here needs torch.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass

from gan_core.diagnosis.remedy_trials import Trial, Tried, choice, trials

MOST_ROUNDS = 6

Train = Callable[[Sequence[Trial]], list[Tried]]
GoodSteps = Callable[[Tried], Sequence[int]]


@dataclass(frozen=True)
class Round:
    """A run that was to be mended, what was tried, and what was taken: a trial, or the run itself
    if it was trained on; None if nothing helped."""

    broken: Tried
    tried: tuple[Tried, ...]
    taken: Tried | None


def rounds(
    start: Tried, train: Train, good_steps: GoodSteps = lambda run: (), most: int = MOST_ROUNDS
) -> Iterator[Round]:
    """Until a run is healthy, there is nothing left to try, or `most` rounds are over.

    Each round begins at the best run so far that has untried remedies; one that made it worse is
    not taken. No config is tried twice. `good_steps` gives the steps of a run's good checkpoints.
    """
    taken, known = {start.trial.config.digest(): start}, {start.trial.config.digest()}
    for _ in range(most):
        broken, planned = _next(taken.values(), known, good_steps)
        if not planned:
            return
        tried = tuple(train(planned))
        known |= {trial.config.digest() for trial in planned}
        chosen = choice(broken, tried)
        if chosen is not None:  # a run that was trained on takes its own place
            taken[chosen.trial.config.digest()] = chosen
        yield Round(broken, tried, chosen)


def _next(
    taken: Iterable[Tried], known: Collection[str], good_steps: GoodSteps
) -> tuple[Tried, list[Trial]]:
    """The best run with something left to try, and what; nothing where the best is healthy."""
    ranked = sorted(taken, key=lambda run: run.place, reverse=True)
    for run in ranked:
        planned = trials(run.history, run.trial.config, good_steps(run), known)
        if planned or run.verdict.state == "healthy":
            return run, planned
    return ranked[0], []


def best_run(start: Tried, way: Iterable[Round]) -> Tried:
    """The best of all that were trained on the way: of equals the first, as far as it was trained.
    """
    best = start
    for run in (run for each in way for run in each.tried):
        further = run.trial.config.digest() == best.trial.config.digest()
        if run.place > best.place or (further and run.place == best.place):
            best = run
    return best
