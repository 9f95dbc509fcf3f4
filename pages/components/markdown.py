"""Words that are not ours on a page: letter by letter, as Markdown shows them; no Streamlit."""

from __future__ import annotations

import re


def plain(text: str) -> str:
    """Text whose words come from elsewhere, shown letter by letter: no Markdown, no links."""
    return re.sub(r"([\\`*_{}\[\]()<>#+!|~$:.@&-])", r"\\\1", text)
