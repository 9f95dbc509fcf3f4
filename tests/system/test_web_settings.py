"""Settings of the web server: who may frame the app, and whether it tells its counts."""

from __future__ import annotations

import pytest

from gan_core.system.settings import SettingsError
from gan_core.system.web_settings import WebSettings


def test_nothing_is_told_and_nobody_frames_unless_it_is_asked_for() -> None:
    """A server tells strangers how busy it is, or is framed by any site."""
    assert WebSettings.from_environment({}) == WebSettings(False, "'self'")


@pytest.mark.parametrize(("said", "policy"), [
    ("none", "'none'"), ("self", "'self'"), ("", "'self'"),
    ("https://moodle.example.org", "'self' https://moodle.example.org"),
    ("http://a.org:8080 https://*.b.org", "'self' http://a.org:8080 https://*.b.org")])
def test_sites_may_be_named(said: str, policy: str) -> None:
    """A course page cannot show the app."""
    assert WebSettings.from_environment({"GAN_LAB_FRAMES": said}).frames == policy


@pytest.mark.parametrize(("name", "said"), [
    ("GAN_LAB_FRAMES", "*"), ("GAN_LAB_FRAMES", "https://a.org; script-src *"),
    ("GAN_LAB_FRAMES", "none self"), ("GAN_LAB_FRAMES", "https://a.org\r\nX: y"),
    ("GAN_LAB_METRICS", "yes"), ("GAN_LAB_METRICS", "2")])
def test_what_cannot_be_used_is_refused_by_its_name(name: str, said: str) -> None:
    """A mistyped setting opens the app to everybody without a word."""
    with pytest.raises(SettingsError, match=name):
        WebSettings.from_environment({name: said})


def test_a_secret_that_can_be_guessed_is_refused_and_none_is_printed() -> None:
    """Anybody forges a visitor's name; or the terminal's log holds the secret."""
    with pytest.raises(SettingsError, match="GAN_LAB_SECRET must have at least 16") as refused:
        WebSettings.from_environment({"GAN_LAB_SECRET": "letmein"})
    assert "letmein" not in str(refused.value)
    secret = "a secret of this course"
    made = WebSettings.from_environment({"GAN_LAB_SECRET": secret})
    assert made.secret == secret not in repr(made)


def test_metrics_are_a_switch() -> None:
    """Nobody can turn them on, or off again."""
    assert WebSettings.from_environment({"GAN_LAB_METRICS": "1"}).metrics
    assert not WebSettings.from_environment({"GAN_LAB_METRICS": "0"}).metrics
