"""Settings of the web server alone, from environment variables (all optional). Torch-free."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from gan_core.system.settings import SettingsError

FRAMES = {"none": "'none'", "self": "'self'"}  # words for who may show the app in a frame
SHORTEST_SECRET = 16
_ORIGIN = re.compile(r"https?://[A-Za-z0-9*.-]+(:[0-9]{1,5}|:\*)?")


@dataclass(frozen=True)
class WebSettings:
    """`metrics`: whether `/metrics` answers. `frames`: who may show the app in a frame, as the
    value of the CSP directive frame-ancestors. `hosted`: whether visitors see their own runs alone,
    None where that is told by how they come. `secret` signs visitors' cookies; "" where one is to
    be made, and kept in the store."""

    metrics: bool = False
    frames: str = FRAMES["self"]
    hosted: bool | None = None
    secret: str = field(default="", repr=False)

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] | None = None) -> WebSettings:
        """Raises SettingsError on a value that cannot be used."""
        environ = os.environ if environ is None else environ
        return cls(
            metrics=_switch("GAN_LAB_METRICS", environ) or False,
            frames=_frames(environ.get("GAN_LAB_FRAMES", "")),
            hosted=_switch("GAN_LAB_HOSTED", environ),
            secret=_secret(environ.get("GAN_LAB_SECRET", "")),
        )


def _switch(name: str, environ: Mapping[str, str]) -> bool | None:
    """None where nothing is said."""
    text = environ.get(name, "")
    if text.strip() not in ("", "0", "1"):
        raise SettingsError(f"{name} must be 0 or 1, not {text!r}.")
    return text.strip() == "1" if text.strip() else None


def _secret(text: str) -> str:
    if text and len(text) < SHORTEST_SECRET:  # it is not repeated in what a terminal shows
        raise SettingsError(f"GAN_LAB_SECRET must have at least {SHORTEST_SECRET} characters.")
    return text


def _frames(text: str) -> str:
    words = text.split() or ["self"]
    if len(words) == 1 and words[0] in FRAMES:
        return FRAMES[words[0]]
    if not all(map(_ORIGIN.fullmatch, words)):
        raise SettingsError(
            "GAN_LAB_FRAMES must be none, self, or addresses of sites separated by blanks, such as "
            f"https://moodle.example.org, not {text!r}.")
    return " ".join([FRAMES["self"], *words])
