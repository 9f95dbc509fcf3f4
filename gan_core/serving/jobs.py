"""Jobs: what a queue has been asked for, and how far each of it is. Torch-free."""

from __future__ import annotations

import dataclasses
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from typing import Any

from gan_core.config.batching import batch_key
from gan_core.config.run_config import RunConfig
from gan_core.cost.prices import PriceRequest
from gan_core.runs.status import RunStatus
from gan_core.serving.pool import Worker


@dataclass(eq=False)
class Job:
    """A run to be trained, or a price to be measured, for the viewers that hold a lease of it."""

    name: str  # the run's digest, or the request's name
    config: RunConfig  # its steps are the target
    number: int  # order of submission, of equal turns the first one is served first
    request: PriceRequest | None = None  # of a price; None for a run
    viewers: dict[str, int] = field(default_factory=dict)  # who asked for it -> when, counted
    leases: dict[str, float] = field(default_factory=dict)  # viewer -> monotonic time of expiry
    worker: Worker | None = None  # None while it waits
    reached: int = 0  # the step that is stored of the run, as far as is known
    before: float = 0.0  # when the run's status was written that is not of this job
    resumed: bool = False  # a worker has ended it, and another one goes on with it
    goes_on: bool = False  # it has not ended for those who asked: it need not wait once more
    stopped: float | None = None  # monotonic time of a stop its worker has not yet confirmed
    again: bool = False  # asked for once more after that stop
    yields: bool = False  # that stop makes room for others: nobody has asked for it
    since: float = 0.0  # monotonic time at which it began to wait, or a worker took it

    @property
    def group(self) -> Hashable:
        """Equal for runs that can be trained together; any other job is a group of its own."""
        if self.request is not None:
            return self.name
        return batch_key(self.config) or self.name

    @property
    def configs(self) -> list[RunConfig]:
        """What a worker holds in memory at once."""
        base = self.request.base if self.request is not None else None
        return [self.config, *([] if base is None else [base])]

    def ended_early(self, message: dict[str, Any]) -> bool:
        """Whether a worker reports the end of a run whose target has been raised meanwhile."""
        return (self.request is None and message["outcome"] == "finished"
                and message["step"] < self.config.steps)

    def status(self, stored: RunStatus) -> RunStatus:
        """The status of a run that a worker has, given what is stored of it."""
        steps = max(stored.steps, self.config.steps)
        # Its worker has written nothing yet. No later time is asked for: clocks may be set back.
        if stored.updated == self.before or (self.resumed and not stored.live):
            return waiting_status("starting", stored, steps)
        # Trained to a target that was raised meanwhile, or stopped and asked for again.
        goes_on = self.again or (stored.state == "finished" and stored.step < self.config.steps)
        state = "running" if goes_on and not stored.live else stored.state
        return dataclasses.replace(stored, state=state, steps=steps)


def waiting_status(state: str, stored: RunStatus, steps: int) -> RunStatus:
    """The status of a run that is queued or starting: why it ended before no longer matters."""
    return dataclasses.replace(stored, state=state, steps=steps, reason="", seconds_left=None)


def worker_message(jobs: Sequence[Job], max_seconds: float) -> dict[str, Any]:
    """The message to a worker: to measure one price, or to train runs together."""
    if jobs[0].request is not None:
        return {"price": jobs[0].name, "request": jobs[0].request.to_dict()}
    return {"runs": {job.name: job.config.steps for job in jobs}, "max_seconds": max_seconds,
            "configs": {job.name: job.config.to_dict() for job in jobs}}
