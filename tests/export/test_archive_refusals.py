"""Zips that somebody has tampered with: each is refused in one sentence, and leaves nothing."""

from __future__ import annotations

import io
import json
import os
import pickle
import re
import time
import tracemalloc
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gan_core.config.run_config import RunConfig
from gan_core.export.archive import opening, sound_zip
from gan_core.export.archive.opened_pictures import SIZES
from gan_core.export.archive.opened_records import MOST_ENDS, most_evaluations
from gan_core.export.archive.opening import open_archive
from gan_core.export.archive.sound_zip import ArchiveError
from gan_core.runs.opened_runs import opened_runs
from gan_core.runs.samples import VIEWS, grey_png
from gan_core.runs.store import RunStore
from gan_core.training.evaluator import evaluation_due
from tests.support.zips import (
    DIGITS,
    RING,
    claiming,
    evaluated,
    folder,
    packed,
    sound,
    status,
    steps,
    to_line,
    with_flag,
)

RUN = folder()
CONFIG, STATUS, HISTORY = (
    f"{RUN}/{name}" for name in ("config.json", "status.json", "history.jsonl"))
POINTS = f"{RUN}/samples/000004.npy"


@pytest.fixture
def runs(tmp_path: Path) -> RunStore:
    return opened_runs(tmp_path)


def beside(**files: bytes) -> bytes:
    """A sound run, and other files."""
    return packed({**sound(), **{name.replace("__", "/"): of for name, of in files.items()}})


def also(name: str, content: bytes = b"x") -> bytes:
    return packed({**sound(), name: content})


def config(**changes: object) -> bytes:
    return also(CONFIG, json.dumps({**RING.to_dict(), **changes}).encode())


def history(*lines: bytes | str) -> bytes:
    text = b"".join(line.encode() if isinstance(line, str) else line for line in lines)
    return also(HISTORY, text)


def line(**changes: object) -> str:
    return json.dumps({**json.loads(to_line(steps(1)[0])), **changes}) + "\n"


def assessment(**changes: object) -> str:
    return json.dumps({**json.loads(to_line(evaluated(1))), **changes}) + "\n"


def npy(array: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=True)
    return buffer.getvalue()


def claimed_shape() -> bytes:
    """Points that say they are a billion, in a few bytes."""
    header = b"{'descr': '<f4', 'fortran_order': False, 'shape': (1000000000000, 2), }"
    padded = header.ljust(117) + b"\n"
    return b"\x93NUMPY\x01\x00" + len(padded).to_bytes(2, "little") + padded


def twice(name: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as made, pytest.warns(UserWarning, match="Duplicate"):
        for path, content in [*sound().items(), (name, b"x")]:
            made.writestr(path, content)
    return buffer.getvalue()


def png(words: bytes = b"", behind: bytes = b"") -> bytes:
    """A sheet with words in it, or something behind it."""
    picture = grey_png(np.full((462, 462), 9, np.uint8))
    if words:
        chunk = b"tEXt" + words
        length, check = len(words).to_bytes(4, "big"), zlib.crc32(chunk).to_bytes(4, "big")
        picture = picture[:33] + length + chunk + check + picture[33:]
    return picture + behind


def digits(name: str, content: bytes) -> bytes:
    """A run on digits with another picture."""
    return packed({**sound(DIGITS), f"{folder(DIGITS)}/{name}": content})


def colour() -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (8, 8)).save(buffer, "PNG")
    return buffer.getvalue()


def large_picture() -> bytes:
    """Nine million pixels in nine kilobytes."""
    buffer = io.BytesIO()
    Image.new("L", (3000, 3000)).save(buffer, "PNG")
    return buffer.getvalue()


def blank(width: int, height: int) -> bytes:
    return grey_png(np.zeros((height, width), np.uint8))


def many_evaluations(count: int, config: RunConfig = RING) -> bytes:
    """A run that says that it was evaluated at every step."""
    long = config.replace(steps=count)
    lines = "".join(f"{to_line(evaluated(number))}\n" for number in range(1, count + 1))
    name = f"{folder(long)}/history.jsonl"
    return packed({**sound(long), name: lines.encode()})


def cut(content: bytes) -> bytes:
    return content[: len(content) // 2]


def damaged(content: bytes, name: str) -> bytes:
    """One byte of a file is another one, as after a bad download."""
    place = content.index(name.encode()) + len(name) + 20
    return content[:place] + bytes([content[place] ^ 0xFF]) + content[place + 1 :]


class Evil:
    def __reduce__(self) -> tuple[Callable[..., int], tuple[str]]:
        return os.system, ("touch pickle-was-run",)


DEEP = b"[" * 100_000
HOSTILE: dict[str, tuple[Callable[[], bytes], str]] = {  # how it is made; what is said of it
    # --- the file itself
    "nothing": (lambda: b"", "not a whole zip file"),
    "text": (lambda: b"hello " * 100, "not a whole zip file"),
    "a picture": (png, "not a whole zip file"),
    "half a zip": (lambda: cut(also("x")), "not a whole zip file"),
    "an empty zip": (lambda: packed({}), "not a whole zip file"),
    "something before the zip": (lambda: b"#!/bin/sh\n" + packed(sound()), "not a whole zip file"),
    "something behind the zip": (lambda: packed(sound()) + b"<script>", "not a whole zip file"),
    "a damaged file": (lambda: damaged(packed(sound()), HISTORY), "is damaged"),
    "too many files": (lambda: packed({f"{RUN}/samples/{n:06d}.npy": b"" for n in range(10_001)}),
                       "at most 10000 files"),
    # --- bombs
    "2 GB claimed": (lambda: claiming(packed(sound()), HISTORY, 2_000_000_000),
                     "at most 1.5 GB are allowed"),
    "2 GB of weights claimed": (
        lambda: claiming(also(f"{RUN}/checkpoint.pt"), f"{RUN}/checkpoint.pt", 2_000_000_000),
        "at most 1.5 GB are allowed"),
    "2 GB in all": (lambda: claiming(claiming(
        packed({**sound(), f"{RUN}/checkpoint.pt": b"x" * 10_000_000,
                f"{RUN}/gan.py": b"x" * 10_000_000}),
        f"{RUN}/checkpoint.pt", 1_000_000_000), f"{RUN}/gan.py", 1_000_000_000), "times"),
    "a bomb": (lambda: also(HISTORY, b" " * 50_000_000), "at most 200 times is allowed"),
    "a bomb with a small claim": (
        lambda: claiming(also(HISTORY, b" " * 5_000_000), HISTORY, 90_000), "is damaged"),
    "a large claim": (lambda: claiming(packed(sound()), HISTORY, 90_000), "is damaged"),
    "a picture of too many pixels": (
        lambda: digits("samples/000003.png", large_picture()), "at most 4 million pixels"),
    "a sheet as large as pages": (
        lambda: digits("samples/000003.png", blank(1999, 2000)), "must be 462 wide and 462 high"),
    "a sheet of another shape": (
        lambda: digits("samples_ema/000003.png", blank(462, 58)), "462 × 58 pixels"),
    "a surface of another size": (
        lambda: also(f"{RUN}/surface/000003.png", blank(49, 48)), "must be 48 wide"),
    "many neighbours": (lambda: digits("neighbours/000003.png", blank(84, 28 * 17)),
                        "a multiple of 28 up to 448 high"),
    "tiles of another size": (lambda: digits("walk/000003.png", blank(224, 225)), "224 high"),
    "no points": (lambda: also(POINTS, npy(np.ones((0, 2)))), "from 1 to 5000"),
    "too many points": (lambda: also(POINTS, npy(np.ones((5001, 2)))), "from 1 to 5000"),
    "a grid that is none": (
        lambda: also(f"{RUN}/grid/000004.npy", npy(np.ones((10, 2)))), "must be a square"),
    "points that claim to be a billion": (lambda: also(POINTS, claimed_shape()), "two columns"),
    "long settings": (lambda: also(CONFIG, os.urandom(60_000).hex().encode()), "more than 100 kB"),
    # --- names
    "a way out": (lambda: also("../evil.txt"), "leads out of its folder"),
    "a way out further in": (lambda: also(f"{RUN}/../../evil.json"), "leads out of its folder"),
    "a way out with backslashes": (lambda: also("..\\evil.txt"), "leads out of its folder"),
    "an absolute name": (lambda: also("/etc/passwd"), "name of a place on a disk"),
    "a drive": (lambda: also("C:/evil.txt"), "name of a place on a disk"),
    "a name in other letters": (lambda: also(f"{RUN}/samples/０００００１.npy"), "not a name"),
    "a name with an end": (
        lambda: also(f"{RUN}/config.json_.png").replace(b"_.png", b"\0.png"), "not a name"),
    "a long name": (lambda: also("a" * 300), "not a name"),
    "the same name twice": (lambda: twice(CONFIG), "is in the zip twice"),
    "the same name in capitals": (lambda: also(CONFIG.upper()), "is in the zip twice"),
    "the same step twice": (lambda: beside(**{f"{RUN}__samples__0000004.npy": sound()[POINTS]}),
                            "a step that is there already"),
    # --- kinds of files
    "a link": (lambda: packed(sound(), {f"{RUN}/samples/000001.npy": "/etc/passwd"}), "is a link"),
    "an encrypted file": (lambda: with_flag(packed(sound()), 1), "is encrypted"),
    "a zip within": (lambda: also(f"{RUN}/more.zip", packed(sound())), "a zip within the zip"),
    "a zip as settings": (lambda: also(CONFIG, packed(sound())), "not a text of settings"),
    "a pickle": (lambda: also(f"{RUN}/state.pkl", pickle.dumps(Evil())), "can run code"),
    "a pickle as weights of another name": (
        lambda: also(f"{RUN}/weights.pt", pickle.dumps(Evil())), "can run code"),
    "a pickle as points": (lambda: also(POINTS, pickle.dumps(Evil())), "not a sound picture"),
    "points that hold objects": (
        lambda: also(POINTS, npy(np.array([[Evil(), 1]], object))), "not a sound picture"),
    "a page": (lambda: also(f"{RUN}/index.html", b"<script>"), "is not a file of a run"),
    "a file of the system": (lambda: also(f"{RUN}/samples/.htaccess"), "is not a file of a run"),
    "a page as a picture": (lambda: digits("samples/000003.png", b"<script>alert(1)</script>"),
                            "not a sound picture"),
    "words in a picture": (lambda: digits("samples/000003.png", png(b"k\0<script>")),
                           "pixels and nothing besides"),
    "something behind a picture": (lambda: digits("samples/000003.png", png(behind=b"<script>")),
                                   "pixels and nothing besides"),
    "a colour picture": (lambda: digits("samples/000003.png", colour()), "not a sound picture"),
    "a picture of other data": (lambda: also(f"{RUN}/cards/000000.png", png()), "ring"),
    "points of digits": (lambda: digits("samples/000003.npy", sound()[POINTS]), "mnist"),
    "points in three dimensions": (lambda: also(POINTS, npy(np.ones((4, 3)))), "two columns"),
    "a picture beyond all steps": (
        lambda: also(f"{RUN}/samples/900000000.npy", sound()[POINTS]), "beyond 200000"),
    # --- runs
    "no run": (lambda: packed({"README.txt": b"x"}), "holds 0 runs"),
    "three runs": (lambda: packed({k: v for c in (RING, DIGITS, RING.replace(seed=1))
                                   for k, v in sound(c).items()}), "holds 3 runs"),
    "no records": (lambda: packed({k: v for k, v in sound().items() if k != HISTORY}), "lacks"),
    "empty records": (lambda: history(""), "needs at least one record"),
    # --- settings
    "an unknown field": (lambda: config(layers=3), "'layers' is not a setting"),
    "a value out of range": (lambda: config(dropout=7), "dropout must be a number from 0 to 0.8"),
    "settings that do not fit": (lambda: config(architecture="mlp_reference"), "allowed here"),
    "other settings": (lambda: config(seed=5), "not of"),
    "settings in a list": (lambda: also(CONFIG, b"[]"), "must be a JSON object"),
    "deep settings": (lambda: also(CONFIG, DEEP[:90_000]), "not valid JSON"),
    "settings in another encoding": (lambda: also(CONFIG, "é".encode("latin-1")), "not a text"),
    "NaN as a setting": (lambda: config(dropout=float("nan")), "from 0 to 0.8"),
    "a seed of 5 000 digits": (
        lambda: also(CONFIG, b'{"seed": ' + b"9" * 5000 + b"}"), "not valid JSON"),
    # --- status
    "no status": (lambda: also(STATUS, b"{}"), "not a run's status"),
    "an unknown state": (lambda: also(STATUS, status(state="won")), "not a run's status"),
    "steps without end": (lambda: also(STATUS, status(steps=10**9)), "at most 200000"),
    "a long device": (lambda: also(STATUS, status(device="x" * 300)), "at most 200 characters"),
    "a device in two lines": (lambda: also(STATUS, status(device="cpu\n<b>")), "plain text"),
    "from the future": (lambda: also(STATUS, status(updated=9e10)), "has passed"),
    # --- records
    "no JSON": (lambda: history(line(), "loss 0.5\n"), "Line 2"),
    "a record of nothing": (lambda: history("{}\n"), "is not a record"),
    "a deep record": (lambda: history(DEEP[:40_000], "\n"), "is not a record"),
    "a record without an end": (lambda: history(line(), b'{"step": 2'), "cut off"),
    "a long record": (lambda: history(line(note=os.urandom(40_000).hex())), "longer than 50000"),
    "a step beyond the end": (lambda: history(line(), line(step=5)), "from 2 to 4"),
    "a step that goes back": (lambda: history(line(step=3), line(step=2)), "from 4 to 4"),
    "a step that is no number": (lambda: history(line(step="1")), "is not a record"),
    "NaN": (lambda: history('{"step": 1, "loss_d": NaN}\n'), "NaN is no JSON"),
    "infinity": (lambda: history('{"step": 1, "loss_d": 1e999}\n'), "is not a record"),
    "a huge number": (lambda: history(line(loss_d=1e300)), "beyond"),
    "a number of 400 digits": (lambda: history(line(loss_d=10**400)), "is not a record"),
    "another encoding": (lambda: history('{"step": 1}\n'.encode("utf-16")), "is not a record"),
    "a metric that is a script": (lambda: history(assessment(
        metrics={"modes": 8, "modes_total": 8, "<script>": 1})), "whose names"),
    "too many modes": (lambda: history(assessment(
        metrics={"modes": 8, "modes_total": 1e9})), "modes_total must be 8"),
    "a share of other modes": (lambda: history(assessment(histogram=[0.5, 0.5])), "8 numbers"),
    "a long list": (lambda: history(assessment(sheet_scores=[0] * 300)), "more than 256"),
    "an evaluation without what others have": (lambda: history(
        assessment(metrics={"modes": 8, "modes_total": 8, "r_v": 1}), line(),
        assessment(evaluation=2)), "lacks r_v"),
    "an evaluation at every step": (lambda: many_evaluations(1000), "at most 55."),
    "seconds before the beginning": (lambda: history(assessment(seconds=-1)), "from 0"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_what_is_not_a_run_is_refused_in_one_sentence(
    name: str, runs: RunStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file from somewhere takes the server's disk, memory or visitors; or whoever has the wrong
    file is not told what is wrong with it."""
    monkeypatch.chdir(tmp_path)
    make, expected = HOSTILE[name]
    content = io.BytesIO(make())
    with pytest.raises(ArchiveError) as refused:
        open_archive(content, runs)
    sentence = str(refused.value)
    assert expected in sentence, sentence
    assert sentence.endswith(".") and len(sentence) < 1200 and "\n" not in sentence, sentence
    assert not re.search("Traceback|Error[(:]|object at", sentence)
    left = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert not left, "something of it was kept"


def test_a_claim_is_refused_before_anything_is_read(
    runs: RunStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A few kilobytes fill memory or disk before somebody notices."""
    def read(*of: object) -> None:
        raise AssertionError("it was unpacked")

    names = ("2 GB claimed", "2 GB of weights claimed", "a bomb", "a link", "a way out")
    made = [io.BytesIO(HOSTILE[name][0]()) for name in names]
    monkeypatch.setattr(zipfile.ZipFile, "open", read)
    for content in made:
        with pytest.raises(ArchiveError):
            open_archive(content, runs)


def test_what_is_unpacked_is_counted_as_it_comes(runs: RunStore, monkeypatch) -> None:
    """A zip that passes by what it says of itself gives more than is allowed."""
    monkeypatch.setattr(opening, "MOST_OF_A_HISTORY", 500)
    with pytest.raises(ArchiveError, match="more than 500 bytes"):
        open_archive(io.BytesIO(packed(sound())), runs)


def test_as_many_evaluations_are_opened_as_the_trainer_makes(runs: RunStore) -> None:
    """A run that was trained here cannot be taken to another server; or a bound lets pass so many
    that judging them takes minutes."""
    for steps_of_it in (4, 250, 4999, 5000, 5001, 6000, 46_900, 200_000):
        due = sum(map(evaluation_due, range(steps_of_it + 1)))
        assert most_evaluations(steps_of_it) == due + MOST_ENDS
    assert most_evaluations(200_000) < 300


def test_a_run_is_judged_at_a_few_moments(runs: RunStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file of a few kilobytes keeps the server busy for minutes."""
    judged: list[int] = []
    real = opening.verdict
    monkeypatch.setattr(opening, "verdict", lambda history, config: (
        judged.append(history.last_step), real(history, config))[1])
    long = RING.replace(steps=20_000)
    lines = "".join(f"{to_line(evaluated(number))}\n" for number in range(1, 47))
    content = packed({**sound(long), f"{folder(long)}/history.jsonl": lines.encode()})
    assert open_archive(io.BytesIO(content), runs)
    assert judged[-1] == 46 and 1 < len(judged) <= opening.MOST_MOMENTS + 1


@pytest.mark.parametrize("last", ["read", "records", "judged"])
def test_opening_ends_when_it_takes_too_long(
    last: str, runs: RunStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that is slow to check, in a way that nobody thought of, keeps the server busy."""
    late = {"read": (opening, "_config"), "records": (opening, "_status"),
            "judged": (opening, "rewrite_records")}[last]
    real, clock = getattr(*late), time.monotonic()
    passed = [0.0]

    def slow(*of: object) -> object:
        passed[0] = sound_zip.MOST_SECONDS + 1
        return real(*of)

    monkeypatch.setattr(*late, slow)
    monkeypatch.setattr(time, "monotonic", lambda: clock + passed[0])
    with pytest.raises(ArchiveError, match=r"in time: opening a file may take 60 seconds\.$"):
        open_archive(io.BytesIO(packed(sound())), runs)
    assert not runs.folders()


def test_every_view_that_has_pngs_has_a_size() -> None:
    """A run with a new view breaks opening, or its pictures have any size."""
    assert {name for name, view in VIEWS.items()
            if any(kind == "png" for kind, _ in view.formats.values())} == SIZES.keys()


def test_a_bomb_takes_no_memory(runs: RunStore) -> None:
    """Whoever opens it runs out of memory, and everybody's server with it."""
    content = io.BytesIO(HOSTILE["a bomb with a small claim"][0]())
    tracemalloc.start()
    try:
        with pytest.raises(ArchiveError):
            open_archive(content, runs)
        assert tracemalloc.get_traced_memory()[1] < 10_000_000
    finally:
        tracemalloc.stop()


def test_a_table_of_contents_is_bounded_before_it_is_read(runs: RunStore, monkeypatch) -> None:
    """A table of millions of names fills the memory before the first of them is looked at."""
    content = io.BytesIO(packed(sound()))
    monkeypatch.setattr(sound_zip, "ENTRY_BYTES", 0)
    monkeypatch.setattr(zipfile, "ZipFile", None)
    with pytest.raises(ArchiveError, match="at most 10000 files"):
        open_archive(content, runs)


def test_a_zip_with_some_bytes_changed_is_opened_or_refused(runs: RunStore, long: bool) -> None:
    """A damaged download, or a fuzzer, ends in a traceback."""
    random = np.random.default_rng(1)
    content = packed({**sound(), **sound(DIGITS)})
    opened = 0
    for _ in range(3000 if long else 150):
        changed = bytearray(content)
        for place in random.integers(len(content), size=random.integers(1, 4)):
            changed[place] = random.integers(256)
        try:
            opened += len(open_archive(io.BytesIO(bytes(changed)), runs))
        except ArchiveError as error:
            assert str(error).endswith("."), error
    assert {path.name for path in runs.root.rglob("*.*")} <= {
        "config.json", "status.json", "history.jsonl", "000004.npy", "000004.png"}


def test_a_sound_run_beside_them_is_opened(runs: RunStore) -> None:
    """The refusals above would be of something that is wrong with all of these zips."""
    assert [run.config for run in open_archive(io.BytesIO(packed(sound())), runs)] == [RING]
    assert [run.config for run in open_archive(io.BytesIO(packed(sound(DIGITS))), runs)] == [DIGITS]


def test_weights_and_what_is_for_people_are_never_read(
    runs: RunStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Opening a run runs code that came with it, or this server hands a visitor's page to others
    as its own."""
    monkeypatch.chdir(tmp_path)
    evil = pickle.dumps(Evil())
    left_out = ("checkpoint.pt", "good/000004.pt", "gan.py", "gan.ipynb", "load_weights.py",
                "history.csv", "history.json", "drawn/samples/000004.png", "log.txt", "lock")
    content = packed({**sound(), **{f"{RUN}/{name}": evil for name in left_out},
                      "README.txt": evil, "report.html": evil, "film.gif": evil,
                      "charts/losses.svg": evil, "__MACOSX/._x": evil, f"{RUN}/.DS_Store": evil})
    opened = []
    real = zipfile.ZipFile.open
    monkeypatch.setattr(zipfile.ZipFile, "open", lambda of, entry, *more: (
        opened.append(entry.filename), real(of, entry, *more))[1])
    run, = open_archive(io.BytesIO(content), runs)
    assert run.weights_left_out
    assert set(opened) == set(sound())
    kept = [path for path in (runs.root / run.key).rglob("*") if path.is_file()]
    assert sorted(path.name for path in kept) == [
        "000004.npy", "config.json", "history.jsonl", "status.json"]
    assert not any(evil in path.read_bytes() for path in kept)
    assert not Path("pickle-was-run").exists()
