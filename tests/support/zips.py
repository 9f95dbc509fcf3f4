"""Zips of runs, sound ones and others, put together file by file."""

from __future__ import annotations

import dataclasses
import io
import json
import stat
import struct
import zipfile
from collections.abc import Mapping

import numpy as np

from gan_core.config.run_config import RunConfig
from gan_core.runs.records import EvalRecord, StepRecord, to_line
from gan_core.runs.samples import grey_png, points_npy
from gan_core.runs.status import RunStatus

RING = RunConfig(dataset="ring", steps=4)
DIGITS = RunConfig(steps=4)
Files = dict[str, bytes]


def folder(config: RunConfig = RING) -> str:
    return f"run-{config.digest()}"


def steps(*numbers: int) -> list[StepRecord]:
    return [StepRecord(number, 1.4, 0.7, 0.5, 0.5, 0.5, 0.5, 1.0, 1.0, 0.5, 0.5)
            for number in numbers]


def evaluated(number: int, modes: int = 8) -> EvalRecord:
    shares = (1 / modes,) * modes
    return EvalRecord(number, {"modes": float(modes), "modes_total": float(modes)}, shares)


def sound(config: RunConfig = RING) -> Files:
    """The files of a run of four steps that is opened."""
    card, run = config.card, folder(config)
    records = [evaluated(0, card.modes), *steps(1, 2, 3, 4), evaluated(4, card.modes)]
    samples = {f"{run}/samples/000004.npy": points_npy(np.ones((5, 2)))} \
        if card.kind == "points" else \
        {f"{run}/samples/000004.png": grey_png(np.full((462, 462), 9, np.uint8))}
    status = RunStatus("finished", 4, 4, 10.0, 0.4, device="a processor", updated=1.7e9)
    return {
        f"{run}/config.json": config.to_json().encode(),
        f"{run}/status.json": status.to_json().encode(),
        f"{run}/history.jsonl": "".join(f"{to_line(record)}\n" for record in records).encode(),
        **samples,
    }


def status(**changes: object) -> bytes:
    """The status.json of a sound run, with changes."""
    content = dataclasses.asdict(RunStatus("finished", 4, 4, updated=1.7e9))
    return json.dumps({**content, **changes}).encode()


def packed(files: Mapping[str, bytes], links: Mapping[str, str] | None = None) -> bytes:
    """A zip of these files, and of symbolic links."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as made:
        for name, content in files.items():
            made.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)
        for name, target in (links or {}).items():
            entry = zipfile.ZipInfo(name)
            entry.create_system = 3
            entry.external_attr = (stat.S_IFLNK | 0o777) << 16
            made.writestr(entry, target)
    return buffer.getvalue()


def claiming(content: bytes, name: str, size: int) -> bytes:
    """The zip with another size of one of its files in its table of contents and beside it."""
    changed = bytearray(content)
    for signature, name_at, size_at in ((b"PK\x03\x04", 30, 22), (b"PK\x01\x02", 46, 24)):
        place = changed.find(signature)
        while place >= 0:
            if changed[place + name_at :].startswith(name.encode()):
                changed[place + size_at : place + size_at + 4] = struct.pack("<L", size)
            place = changed.find(signature, place + 4)
    return bytes(changed)


def with_flag(content: bytes, flag: int) -> bytes:
    """The zip with a flag set for all its files, such as 1, encrypted."""
    changed = bytearray(content)
    for signature, flag_at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        place = changed.find(signature)
        while place >= 0:
            changed[place + flag_at] |= flag
            place = changed.find(signature, place + 4)
    return bytes(changed)
