"""Every claim of the two source documents, by name. Torch-free.

Their runs and thresholds stand in `report_claims` and `notes_claims`. A statement with several
sides is split into several claims: each remedy alone, for example.
"""

from __future__ import annotations

from collections.abc import Iterable

from gan_core.config.run_config import RunConfig
from gan_core.evidence.claim_verdicts import Claim
from gan_core.evidence.notes_claims import NOTES_CLAIMS
from gan_core.evidence.report_claims import REPORT_CLAIMS

CLAIMS: dict[str, Claim] = {**REPORT_CLAIMS, **NOTES_CLAIMS}


def runs_needed(claims: Iterable[Claim]) -> list[RunConfig]:
    """What must be trained for these claims, each config once."""
    return list(dict.fromkeys(
        config for claim in claims for configs in claim.configs().values() for config in configs))
