"""axe-core on a page: what keeps people from reading it. Where axe is missing, a file that imports
this is skipped."""

from __future__ import annotations

import pytest

axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe is not installed")

# What axe-core reports of Streamlit's own widgets, which a page cannot change: rule -> selectors.
STREAMLITS_OWN: dict[str, list[str]] = {}


def serious(page) -> list[str]:
    """What axe finds on a page that is serious or critical, in words."""
    report = axe.Axe().run(page).response
    return [words for violation in report["violations"] for words in _ours(violation)]


def _ours(violation: dict) -> list[str]:
    """What is serious of a violation, but for Streamlit's own."""
    known = STREAMLITS_OWN.get(violation["id"], [])
    return [
        f"{violation['id']}: {node['html'][:200]} {node['failureSummary']}"
        for node in violation["nodes"]
        if violation["impact"] in ("serious", "critical")
        and not any(selector in node["html"] for selector in known)
    ]
