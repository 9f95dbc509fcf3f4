"""Samples: pictures, points, surfaces and neighbours as files."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from gan_core.runs.records import SampleRecord
from gan_core.runs.samples import VIEWS, neighbour_distances, sheet_png
from gan_core.runs.store import StoreError
from tests.support.made_up_records import images, look


def test_averaged_samples_lie_beside_the_raw_ones(store, digest):
    """Otherwise one generator's picture would replace the other's at the same step."""
    store.append(digest, [images(0, 10), images(0, 90, averaged=True)])
    assert (store.root / digest / "samples_ema" / "000000.png").exists()
    middle = [np.asarray(Image.open(io.BytesIO(store.sheet(digest, 0, averaged))))[9, 9]
              for averaged in (False, True)]
    assert middle == [10, 90]
    points = {averaged: np.full((5, 2), averaged, np.float32) for averaged in (False, True)}
    store.append(digest, [SampleRecord(50, points[a], view)
                          for a, view in ((False, "samples"), (True, "averaged"))])
    for averaged, expected in points.items():
        np.testing.assert_array_equal(store.points(digest, 50, averaged), expected)
    assert store.snapshot(digest).views == {"samples": (0, 50), "averaged": (0, 50)}
    with pytest.raises(StoreError, match="samples_ema"):
        store.sheet(digest, 51, averaged=True)
    with pytest.raises(StoreError, match="samples_ema"):
        store.points(digest, 0, averaged=True)


def test_a_run_without_an_average_has_no_folder_for_it(store, digest):
    """Otherwise whoever looks into the folder would search for pictures that cannot be there."""
    store.append(digest, [images(0)])
    assert not (store.root / digest / "samples_ema").exists()
    assert store.snapshot(digest).views == {"samples": (0,)}


@pytest.mark.parametrize("view", VIEWS)
def test_a_new_view_is_noticed(store, digest, view):
    """The page would otherwise show yesterday's average, or surface, beside today's samples."""
    assert store.snapshot(digest).views == {}
    for number in (5, 10):
        store.append(digest, [look(number, view)])
        assert store.snapshot(digest).last_view(view, 99) == number


def test_rewind_forgets_every_view(store, digest):
    """A run that was started over would otherwise show pictures of the run before it."""
    store.append(digest, [look(number, view) for number in (0, 1, 2) for view in VIEWS])
    leftover = store.root / digest / "samples_ema" / ".000003.png.77.tmp"
    leftover.write_bytes(b"half a picture")  # of a process that was killed
    store.rewind(digest, 1)
    assert store.snapshot(digest).views == dict.fromkeys(VIEWS, (0, 1))
    assert not leftover.exists()
    store.rewind(digest, -1)
    assert store.snapshot(digest).views == {}


def test_a_surface_comes_back_the_right_way_up(store, digest):
    """D's opinion would otherwise be drawn upside down, or in steps that can be seen."""
    scores = np.linspace(0, 1, 48 * 48, dtype=np.float32).reshape(48, 48)
    store.append(digest, [SampleRecord(50, scores, "surface")])
    assert (store.root / digest / "surface" / "000050.png").exists()
    assert np.abs(store.surface(digest, 50) - scores).max() <= 0.5 / 255 + 1e-6


def test_neighbours_come_back_exactly(store, digest):
    """The page would otherwise write a distance above 0 under a perfect copy, or show one
    picture's neighbour beside another."""
    pictures = np.random.default_rng(0).integers(0, 256, (16, 3, 28, 28)).astype(np.uint8)
    pictures[3, 1] = pictures[3, 0]
    store.append(digest, [SampleRecord(50, pictures, "neighbours")])
    read = store.neighbours(digest, 50)
    np.testing.assert_array_equal(read, pictures)
    distances = neighbour_distances(read)
    assert distances.shape == (16, 2) and distances[3, 0] == 0
    scaled = pictures[7] / 127.5 - 1
    assert distances[7] == pytest.approx(
        [np.linalg.norm(scaled[0] - scaled[other]) for other in (1, 2)])


def test_cards_are_two_rows_of_ten(store, digest):
    """The page would cut the card of one digit out of two others, or send browsers a damaged file
    that they keep for a year."""
    pictures = np.random.default_rng(0).integers(0, 256, (2, 10, 28, 28)).astype(np.uint8)
    store.append(digest, [SampleRecord(0, pictures, "cards")])
    pixels = np.asarray(Image.open(io.BytesIO(store.picture(digest, "cards", 0, "png"))))
    assert pixels.shape == (56, 280)
    np.testing.assert_array_equal(pixels[28:56, 84:112], pictures[1, 3])
    path = store.root / digest / "cards" / "000000.png"
    path.write_bytes(sheet_png(np.zeros((3, 28, 28), np.uint8)))
    with pytest.raises(StoreError, match="cards"):
        store.picture(digest, "cards", 0, "png")


@pytest.mark.parametrize("view", ["surface", "neighbours"])
def test_a_corrupt_picture_is_named(store, digest, view):
    """A page would otherwise fail with a stack trace; whoever looks after the server needs to know
    which file is broken."""
    store.append(digest, [look(1, view)])
    path = store.root / digest / view / "000001.png"
    coloured = io.BytesIO()
    Image.new("RGB", (84, 28)).save(coloured, "PNG")
    torn = sheet_png(np.zeros((3, 28, 28), np.uint8))[:60]
    for content in (b"", b"not a picture", torn, coloured.getvalue()):
        path.write_bytes(content)
        with pytest.raises(StoreError, match=rf"{view}.000001\.png is not"):
            print("accepted:", content, getattr(store, view)(digest, 1))
    with pytest.raises(StoreError, match=r"000002\.png cannot be read"):
        getattr(store, view)(digest, 2)


def test_a_sheet_is_an_8_by_8_grey_png_with_lines(store, digest):
    """Samples would otherwise be blurred, coloured or out of order."""
    record = SampleRecord(250, np.stack([np.full((28, 28), i, np.uint8) for i in range(64)]))
    store.append(digest, [record])
    assert (store.root / digest / "samples" / "000250.png").exists()
    picture = Image.open(io.BytesIO(store.sheet(digest, 250)))
    assert (picture.format, picture.mode, picture.size) == ("PNG", "L", (462, 462))
    pixels = np.asarray(picture)
    assert pixels[0, 0] == 0 and pixels[0, 58] == 1 and pixels[58, 0] == 8  # row by row
    assert pixels[0, 56] == pixels[0, 57] == pixels[56, 0] == 72  # one line, doubled
    with pytest.raises(StoreError, match="000251"):
        store.sheet(digest, 251)


def test_points_come_back_exactly(store, digest):
    """The 2-D experiments would otherwise show other points than were generated."""
    points = np.random.default_rng(0).normal(size=(50, 2)).astype(np.float32)
    store.append(digest, [SampleRecord(100, points)])
    np.testing.assert_array_equal(store.points(digest, 100), points)


def test_points_are_never_unpickled(store, digest):
    """A file planted in the store could otherwise run code in the server."""
    np.save(store.root / digest / "samples" / "000001.npy", np.array([{}]), allow_pickle=True)
    with pytest.raises(StoreError, match=r"000001\.npy"):
        store.points(digest, 1)
