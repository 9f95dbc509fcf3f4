"""`import gan_core`: every name of the public API is there, documented, and free of torch."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import gan_core

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
TREE = ast.parse(Path(gan_core.__file__).read_text(encoding="utf-8"))


def test_every_public_name_resolves_without_torch() -> None:
    """`from gan_core import X` would fail, or would make a web page wait for torch."""
    code = ("import sys, gan_core\n"
            "for name in gan_core.__all__: getattr(gan_core, name)\n"
            "print('torch' in sys.modules)")
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.stdout.strip() == "False", done.stderr


def test_editors_see_what_python_sees() -> None:
    """A type checker would know other names than those that exist, or from another module."""
    block = next(node for node in TREE.body
                 if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING")
    seen = {alias.name: node.module for node in ast.walk(block) if isinstance(node, ast.ImportFrom)
            and node.module.startswith("gan_core.") for alias in node.names}
    assert seen == gan_core._MODULE_OF
    written_here = {"PRESETS", "train"}
    assert set(gan_core.__all__) == set(seen) | written_here
    assert list(gan_core.__all__) == sorted(gan_core.__all__) == dir(gan_core)


def test_the_page_documents_every_name_and_no_other() -> None:
    """A name could be used that nobody can read of, or be read of and not be there."""
    named = re.findall(r"^### `(?:gan_core\.)?(\w+)", PAGE, re.M)
    assert sorted(named) == sorted(gan_core.__all__)


def test_methods_that_the_page_names_are_there() -> None:
    """The page would send its reader to a method that has another name."""
    sections = dict(re.findall(r"^### `(\w+)`\n(.*?)(?=^##|\Z)", PAGE, re.M | re.S))
    named = [(name, method) for name, text in sections.items()
             for method in re.findall(rf"`(?:{name}\.)?(\w+)\(", text)]
    assert ("RunStore", "snapshot") in named
    missing = [f"{name}.{method}" for name, method in named
               if method not in gan_core.__all__
               and not hasattr(getattr(gan_core, name), method)]
    assert not missing


def test_an_unknown_name_is_an_attribute_error() -> None:
    """`hasattr` and a typing mistake would behave strangely."""
    with pytest.raises(AttributeError, match="no attribute 'trian'"):
        gan_core.trian  # noqa: B018


def test_presets_are_configs_by_name() -> None:
    """`gan_core.PRESETS["mode_collapse-broken"]` would not be what the page trains."""
    broken = gan_core.CHALLENGES["mode_collapse"].presets["broken"].config
    assert gan_core.PRESETS["mode_collapse-broken"] == broken
    assert all(isinstance(config, gan_core.RunConfig) for config in gan_core.PRESETS.values())


def test_the_worked_example_works(tmp_path: Path) -> None:
    """A newcomer copies the example of docs/api.md, and it fails."""
    (example,) = re.findall(r"<!-- worked example -->\n```python\n(.*?)```", PAGE, re.S)
    (printed,) = re.findall(r"<!-- it prints -->\n```\n(.*?)```", PAGE, re.S)
    done = subprocess.run([sys.executable, "-c", example], cwd=tmp_path, capture_output=True,
                          text=True, env=os.environ | {"PYTHONPATH": str(ROOT),
                                                       "OMP_NUM_THREADS": "1"})
    assert done.returncode == 0, done.stderr
    pattern = re.escape(printed.strip()).replace(r"\.\.\.", ".*").replace("…", ".*")
    assert re.fullmatch(pattern, done.stdout.strip(), re.S), done.stdout

