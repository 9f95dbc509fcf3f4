"""Streamlit's own files from memory: the same bytes, smaller where that helps, and nothing else."""

from __future__ import annotations

import gzip
import random
from pathlib import Path

import pytest
from starlette.responses import PlainTextResponse

from pages.channel.streamlit_files import FOLDER, StreamlitFiles
from tests.support.asgi import get

LEFT = PlainTextResponse("left to Streamlit")
SCRIPT = b"let x = 1;\n" * 200


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    inside = tmp_path / "static"
    (inside / "js").mkdir(parents=True)
    (inside / "js" / "index.abc.js").write_bytes(SCRIPT)
    (inside / "font.abc.woff2").write_bytes(bytes(range(256)) * 4)
    (tmp_path / "secret.js").write_bytes(b"outside")
    return inside


@pytest.mark.parametrize(("path", "below"), [("", ""), ("lab", "/lab"), ("/a/b/", "/a/b")])
def test_a_browser_gets_the_file(folder: Path, path: str, below: str) -> None:
    """The page stays white, or below another path it does."""
    app = StreamlitFiles(LEFT, path, folder)
    for _ in range(2):  # from the disk, then from memory
        plain = get(app, f"{below}/static/js/index.abc.js")
        assert plain.body == SCRIPT and "javascript" in plain.headers["content-type"]
        packed = get(app, f"{below}/static/js/index.abc.js", accept_encoding="gzip, br")
        assert packed.headers["content-encoding"] == "gzip"
        assert gzip.decompress(packed.body) == SCRIPT and len(packed.body) < len(SCRIPT) / 2
        assert int(packed.headers["content-length"]) == len(packed.body)
        for answer in (plain, packed):
            assert "immutable" in answer.headers["cache-control"]
            assert answer.headers["vary"] == "Accept-Encoding", "a proxy would mix them up"


def test_what_is_packed_already_is_not_packed_again(tmp_path: Path) -> None:
    """Time spent for nothing, on both sides."""
    content = random.Random(0).randbytes(2000)
    (tmp_path / "font.woff2").write_bytes(content)
    answer = get(StreamlitFiles(LEFT, "", tmp_path), "/static/font.woff2", accept_encoding="gzip")
    assert answer.body == content and "content-encoding" not in answer.headers


@pytest.mark.parametrize("address", [
    "/", "/static/", "/static/js", "/static/js/other.js", "/static/../secret.js",
    "/static/%2e%2e/secret.js", "/static//js/index.abc.js", "/static/js/index.abc.js/",
    "/lab/static/js/index.abc.js", "/STATIC/js/index.abc.js", "/static/\0"])
def test_every_other_address_is_left_to_streamlit(folder: Path, address: str) -> None:
    """Files outside, or pages that begin alike, are none of its business."""
    assert get(StreamlitFiles(LEFT, "", folder), address).body == b"left to Streamlit"


def test_parts_and_questions_whether_it_changed_are_left_to_streamlit(folder: Path) -> None:
    """Streamlit answers them as HTTP asks."""
    app, address = StreamlitFiles(LEFT, "", folder), "/static/js/index.abc.js"
    for headers in ({"range": "bytes=0-9"}, {"if_none_match": '"abc"'},
                    {"if_modified_since": "Thu, 01 Jan 2026 00:00:00 GMT"}):
        assert get(app, address, **headers).body == b"left to Streamlit"
    assert get(app, address, method="HEAD").body != SCRIPT
    assert get(app, address, method="POST").body == b"left to Streamlit"


def test_a_file_that_is_gone_is_left_to_streamlit(folder: Path) -> None:
    """An upgrade under a running server: its 404 is the truth, an exception is none."""
    app = StreamlitFiles(LEFT, "", folder)
    (folder / "js" / "index.abc.js").unlink()
    assert get(app, "/static/js/index.abc.js").body == b"left to Streamlit"


def test_names_change_with_the_content() -> None:
    """What a browser keeps for ever would be wrong after an upgrade."""
    scripts = [file.name for file in FOLDER.rglob("*.js")]
    assert len(scripts) > 20
    assert all(len(name.split(".")) >= 3 for name in scripts), "index.<hash>.js"
