"""A run's settings as text: what pages say of them is what exported files say."""

from gan_core.config.config_text import (
    COUNTED,
    caption,
    difference_text,
    marks,
    setting_text,
)

__all__ = ["COUNTED", "caption", "difference_text", "marks", "setting_text"]
