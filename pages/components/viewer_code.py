"""The viewer's files, and the address under which its JavaScript is served.

A page carries `loader.js` alone, which fetches the rest: the same for every part of every page, so
that a browser keeps it. Its name changes with its content, so that no browser keeps an old one.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

FILES = Path(__file__).parent / "viewer_files"
SCRIPTS = (  # one module, in this order
    "feed.js", "part.js", "plane.js", "save.js", "take_home.js", "charts.js", "map.js", "linked.js",
    "playback.js", "evidence.js", "tiles.js", "runs.js", "run_table.js", "run_charts.js",
    "viewer.js")


def read(*names: str) -> str:
    """These files, one after another."""
    return "\n".join((FILES / name).read_text(encoding="utf-8") for name in names)


CODE = read(*SCRIPTS)
NAME = f"{hashlib.sha256(CODE.encode()).hexdigest()[:16]}.js"
ADDRESS = f"viewer/{NAME}"  # relative to every page: no base path need be known
