"""How grave a verdict is, in four tones: pages, the live channel and reports colour it alike."""

from __future__ import annotations

from gan_core.diagnosis.verdict import Verdict

TONES = {"healthy": "success", "too_early": "info", "improving": "info", "failing": "warning",
         "diverged": "error", "failed": "error"}  # by state; a severe finding is an error


def tone(judged: Verdict) -> str:
    """One of info, success, warning, error."""
    severe = judged.state == "failing" and judged.findings[0].severity == "severe"
    return "error" if severe else TONES[judged.state]
