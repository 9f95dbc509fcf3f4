"""The secret of a store: made once, shared, private."""

from __future__ import annotations

import os
import stat
from concurrent.futures import ThreadPoolExecutor

import pytest

from gan_core.system.secret import BYTES, NAME, shared_secret


def test_servers_on_one_store_share_it(tmp_path):
    """Whoever is sent from one server to the other would be somebody new."""
    first = shared_secret(tmp_path / "store")
    assert len(first) == BYTES
    assert shared_secret(tmp_path / "store") == first != shared_secret(tmp_path / "other")
    assert sorted(os.listdir(tmp_path / "store")) == [NAME]


def test_servers_that_start_together_share_it(tmp_path):
    """Of two containers that start at once one would not know the other's visitors."""
    with ThreadPoolExecutor(16) as pool:
        assert len(set(pool.map(shared_secret, [tmp_path] * 64))) == 1


@pytest.mark.skipif(os.name == "nt", reason="Windows has other permissions")
def test_only_its_owner_reads_it(tmp_path):
    """Whoever else has an account on the machine could forge names."""
    shared_secret(tmp_path)
    assert stat.S_IMODE((tmp_path / NAME).stat().st_mode) == 0o600


def test_a_damaged_one_is_replaced(tmp_path):
    """Half a file that a full disk left would be everybody's secret."""
    (tmp_path / NAME).write_bytes(b"short")
    secret = shared_secret(tmp_path)
    assert len(secret) == BYTES and shared_secret(tmp_path) == secret


def test_where_it_cannot_be_kept_there_is_one_all_the_same(tmp_path):
    """The app would not start on a store that cannot be written."""
    (tmp_path / "store").write_text("a file")
    assert len(shared_secret(tmp_path / "store")) == BYTES


def test_a_file_system_without_links(tmp_path, monkeypatch):
    """On some network drives no secret would ever be kept."""
    def no_link(*paths):
        raise OSError("no links here")

    monkeypatch.setattr(os, "link", no_link)
    assert shared_secret(tmp_path) == shared_secret(tmp_path)
    assert sorted(os.listdir(tmp_path)) == [NAME]
