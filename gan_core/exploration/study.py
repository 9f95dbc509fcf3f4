"""A study: runs that are trained to be compared, such as the cells of a map. Torch-free."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from gan_core.config.run_config import RunConfig
from gan_core.exploration.cell_runs import CellRun

Results = Mapping[str, CellRun]  # by the digest of a run


class Study(Protocol):
    """What a server can have filled: it knows which runs it needs, whatever is known of them."""

    @property
    def folder(self) -> str:
        """Of a store, in which the results of studies of this kind are kept."""
        ...

    @property
    def keeps_courses(self) -> bool:
        """Whether the results hold how each run went, besides how it ended."""
        ...

    def digest(self) -> str:
        """Names its runs: equal for studies that look at the same ones in another way."""
        ...

    def to_dict(self) -> dict[str, Any]:
        """Plain values that describe it."""
        ...

    def wanted(self, results: Results) -> Sequence[RunConfig]:
        """What is worth training next, in this order, without what is known; empty at the end."""
        ...

    def remaining(self, results: Results) -> int:
        """How many runs are still to be trained, at most."""
        ...


def name_of(study: Study) -> str:
    """Sixteen hex digits naming the study as it is looked at, for an address."""
    text = json.dumps(study.to_dict(), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
