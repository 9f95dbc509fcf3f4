"""A report of one run, or of two beside each other: one HTML file that opens anywhere, offline."""

from __future__ import annotations

from collections.abc import Sequence

from gan_core.export.film import Reel


def report(
    reels: Sequence[Reel], page: str = "", *, predicted: str = "", link: str = "", script: str = ""
) -> str:
    """The text of the HTML file.

    `page` names the challenge (of CHALLENGES) whose question it answers, "" for none; `predicted`
    is the answer that a visitor gave to it; `link` opens the run in the app; `script` is the name of a
    script that repeats it. A run without samples has a report without pictures.
    """
    return ""
