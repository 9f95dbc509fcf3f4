"""Every claim of the two source documents, by name. Torch-free.

Where there are two sides to it, a claim is told apart into several: each remedy alone, say.
"""

from __future__ import annotations

from collections.abc import Iterable

from gan_core.config.run_config import RunConfig
from gan_core.evidence.claim_verdicts import Claim
from gan_core.evidence.notes_claims import NOTES_CLAIMS
from gan_core.evidence.report_claims import REPORT_CLAIMS

CLAIMS: dict[str, Claim] = {**REPORT_CLAIMS, **NOTES_CLAIMS}


def needed(claims: Iterable[Claim]) -> list[RunConfig]:
    """What must be trained for these claims, each config once."""
    return list(dict.fromkeys(
        config for claim in claims for configs in claim.configs().values() for config in configs))
