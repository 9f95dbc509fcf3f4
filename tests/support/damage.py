"""Kinds of damage to a run's folder, and files that are no sheet of images."""

from __future__ import annotations

import json
import os
import shutil
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np

from gan_core.config.run_config import RunConfig
from gan_core.runs.samples import view_files

CONFIG = RunConfig(dataset="ring", steps=12, batch_size=8, latent_dim=4)  # of the damaged runs
SVG = b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>'


def bomb(side: int = 100_000) -> bytes:
    """A PNG of some bytes that says it has `side` × `side` pixels."""
    def chunk(kind: bytes, content: bytes) -> bytes:
        whole = kind + content
        return struct.pack(">I", len(content)) + whole + struct.pack(">I", zlib.crc32(whole))

    header = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header)
            + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b""))


# --- kinds of damage -----------------------------------------------------------------------------


def text(name: str, content: str | bytes) -> Callable[[Path], None]:
    """Another content."""
    content = content if isinstance(content, bytes) else content.encode()
    return lambda run: (run / name).write_bytes(content)


def gone(name: str) -> Callable[[Path], None]:
    return lambda run: remove(run / name)


def remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def folder(name: str) -> Callable[[Path], None]:
    """A folder with something in it, in place of a file."""
    def damage(run: Path) -> None:
        remove(run / name)
        (run / name).mkdir()
        (run / name / "x").touch()

    return damage


def pipe(name: str) -> Callable[[Path], None]:
    def damage(run: Path) -> None:
        remove(run / name)
        os.mkfifo(run / name)

    return damage


def link(name: str, target: str) -> Callable[[Path], None]:
    def damage(run: Path) -> None:
        remove(run / name)
        (run / name).symlink_to(target)

    return damage


def status(**changes: object) -> Callable[[Path], None]:
    def damage(run: Path) -> None:
        content = json.loads((run / "status.json").read_text())
        (run / "status.json").write_text(json.dumps({**content, **changes}))

    return damage


def records(change: Callable[[dict], object], kind: str) -> Callable[[Path], None]:
    """All lines of one kind, "step" or "evaluation", changed."""
    def damage(run: Path) -> None:
        lines = [json.loads(line) for line in (run / "history.jsonl").read_text().splitlines()]
        for line in lines:
            if kind in line:
                change(line)
        (run / "history.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))

    return damage


def first_sample(content: bytes) -> Callable[[Path], None]:
    return lambda run: view_files(run, "samples")[-1][1].write_bytes(content)


def points(array: np.ndarray) -> Callable[[Path], None]:
    return lambda run: np.save(view_files(run, "samples")[-1][1], array)


def many_names(run: Path) -> None:
    for name in ("samples/999999999999.npy", "samples/-1.npy", "samples/x", "good/7.pt"):
        (run / name).parent.mkdir(exist_ok=True)
        (run / name).write_text("x")


DAMAGES: dict[str, Callable[[Path], None]] = {
    **{f"{name} {how}": damage for name in ("config.json", "status.json", "history.jsonl",
                                            "checkpoint.pt")
       for how, damage in {
           "empty": text(name, ""), "gone": gone(name), "garbage": text(name, os.urandom(3000)),
           "torn": text(name, '{"st'), "list": text(name, "[1, 2]"), "number": text(name, "7"),
           "deep": text(name, "[" * 100_000), "a folder": folder(name), "a pipe": pipe(name),
           "a link to a secret": link(name, "/etc/passwd"), "a dead link": link(name, "nowhere"),
           "latin": text(name, "é".encode("latin-1")), "huge": text(name, bytes(20_000_000)),
       }.items()},
    "config of another run": text("config.json", CONFIG.replace(seed=77).to_json()),
    "config with an unknown field": text("config.json", '{"no_such_field": 1}'),
    "config out of range": text("config.json", '{"batch_size": -4}'),
    "log a folder": folder("log.txt"), "log a pipe": pipe("log.txt"),
    "lock a folder": folder("lock"), "lock a link": link("lock", "/nowhere/lock"),
    "samples a file": lambda run: (remove(run / "samples"), (run / "samples").touch()),
    "samples gone": gone("samples"), "good a file": text("good", "x"),
    "surface a link": link("surface", "/etc"), "strange names": many_names,
    "a sample a folder": lambda run: folder(f"samples/{view_files(run, 'samples')[-1][1].name}")(
        run),
    "status dancing": status(state="dancing"), "status state a list": status(state=[]),
    "status step a text": status(step="x"), "status step below 0": status(step=-5),
    "status step without end": status(step=10**400), "status seconds below 0": status(seconds=-1),
    "status reason a number": status(reason=5), "status far in the future": status(updated=1e300),
    "status rate a text": status(steps_per_second="fast"), "status true": status(step=True),
    "evaluation without modes_total": records(
        lambda line: line["metrics"].pop("modes_total"), "evaluation"),
    "evaluation without modes": records(lambda line: line["metrics"].pop("modes"), "evaluation"),
    "evaluation without metrics": records(lambda line: line.update(metrics={}), "evaluation"),
    "evaluation of one metric": records(
        lambda line: line.update(metrics={"modes": 1, "modes_total": 8}), "evaluation"),
    "evaluation of nulls": records(
        lambda line: line.update(metrics=dict.fromkeys(line["metrics"])), "evaluation"),
    "evaluation of texts": records(
        lambda line: line.update(metrics=dict.fromkeys(line["metrics"], "x")), "evaluation"),
    "histogram empty": records(lambda line: line.update(histogram=[]), "evaluation"),
    "histogram long": records(lambda line: line.update(histogram=[0.1] * 500), "evaluation"),
    "histogram of nulls": records(lambda line: line.update(histogram=[None] * 8), "evaluation"),
    "shares short": records(lambda line: line.update(supported=[1.0], training=[1.0]),
                            "evaluation"),
    "evaluations far ahead": records(lambda line: line.update(evaluation=10**12), "evaluation"),
    "steps below 0": records(lambda line: line.update(step=-line["step"]), "step"),
    "steps all the same": records(lambda line: line.update(step=1), "step"),
    "steps texts": records(lambda line: line.update(step="1"), "step"),
    "losses texts": records(lambda line: line.update(loss_d="low"), "step"),
    "losses null": records(lambda line: line.update(loss_d=None, loss_g=None), "step"),
    "losses huge": records(lambda line: line.update(loss_d=1e308, grad_norm_g=1e308), "step"),
    "points a bomb": first_sample(
        b"\x93NUMPY\x01\x00v\x00{'descr': '<f4', 'fortran_order': False, 'shape': "
        b"(99999999999, 2), }".ljust(127) + b"\n"),
    "points texts": points(np.full((9, 2), "x")), "points flat": points(np.zeros(9)),
    "points three a row": points(np.zeros((9, 3), np.float32)),
    "points not finite": points(np.full((9, 2), np.nan, np.float32)),
    "points none": points(np.zeros((0, 2), np.float32)),
}


def sheets() -> dict[str, bytes]:
    """Files that are no sheet of images."""
    return {"empty": b"", "text": b"PNG", "SVG": SVG, "bomb": bomb(), "torn bomb": bomb(3000),
            "zeros": b"\x89PNG\r\n\x1a\n" + bytes(100), "GIF": b"GIF89a" + bytes(50),
            "80 MB": bytes(80_000_000)}
