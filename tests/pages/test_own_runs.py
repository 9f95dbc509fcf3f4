"""Whose runs a visitor sees: what tells somebody at home from a visitor of a shared server."""

from __future__ import annotations

import pytest

from gan_core.system.settings import SettingsError
from gan_core.system.web_settings import WebSettings
from pages.components.own_runs import is_home


@pytest.mark.parametrize("host", ["localhost:8501", "127.0.0.1:8501", "[::1]:8501", "localhost"])
@pytest.mark.parametrize("address", [None, "127.0.0.1", "::1", "::ffff:127.0.0.1"])
def test_whoever_sits_at_the_machine_is_at_home(address, host):
    """Somebody who runs the app for themselves does not find their own runs of yesterday."""
    assert is_home(None, address, {"Host": host})


@pytest.mark.parametrize("address, headers", [
    ("192.168.0.7", {"Host": "192.168.0.2:8501"}),  # another machine of the network
    ("192.168.0.7", {"Host": "localhost:8501"}),  # which says what it likes
    ("::ffff:192.168.0.7", {"Host": "localhost:8501"}), ("?", {"Host": "localhost:8501"}),
    (None, {"Host": "lab.example.org"}),  # a proxy on this machine, as deploy/nginx.conf has it
    (None, {"Host": "localhost:8501", "X-Forwarded-For": "10.0.0.9"}),
    (None, {"Host": "127.0.0.1:8501", "Forwarded": "for=10.0.0.9"}),
    (None, {"Host": "localhost.example.org"}),
    (None, {}),  # nothing is known: the safe side
])
def test_nobody_else_is(address, headers):
    """A student sees the names, notes and runs of all others."""
    assert not is_home(None, address, headers)


def test_a_setting_says_otherwise_for_all():
    """A server of one person elsewhere hides their runs, or a shared one cannot be told so."""
    assert is_home(False, "192.168.0.7", {})
    assert not is_home(True, None, {"Host": "localhost:8501"})


def test_the_setting_is_read_and_refused_by_name():
    """GAN_LAB_HOSTED=yes is taken for no, and everybody's runs are shown."""
    assert WebSettings.from_environment({}).hosted is None
    assert WebSettings.from_environment({"GAN_LAB_HOSTED": "1"}).hosted is True
    assert WebSettings.from_environment({"GAN_LAB_HOSTED": "0"}).hosted is False
    with pytest.raises(SettingsError, match="GAN_LAB_HOSTED must be 0 or 1, not 'yes'"):
        WebSettings.from_environment({"GAN_LAB_HOSTED": "yes"})
