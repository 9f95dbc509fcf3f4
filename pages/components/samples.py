"""Pictures of runs: what a failure looks like, and the samples that look most copied, beside their
nearest real images."""

from __future__ import annotations

import base64

import numpy as np
import streamlit as st

from gan_core.config.presets import Challenge
from gan_core.runs.samples import first_rows, grey_png, neighbour_distances
from gan_core.runs.store import StoreError
from pages.components import server
from pages.components.server import StoredRun

THUMBNAIL_ROWS = 2
TRIPLES = 8  # shown of the pictures that look most copied
HOW_TO_READ = (
    "The {count} pictures of the sheet that look most copied, at step {step}, each beside the "
    "nearest of equally many training images and new images. **A copy:** its distance to the "
    "training image is near 0, and far below that to the new one. Euclidean, pixels from −1 to 1."
)
WITHOUT = "The nearest real images of this run were not stored. Train it anew to see them."


def thumbnail(challenge: Challenge) -> None:
    """What the challenge's failure looks like: two rows of the recorded run's last sheet."""
    config = challenge.presets["broken"].config
    snapshot = server.recorded().snapshot(config.digest())
    if snapshot is None or not snapshot.samples:
        return
    sheet = server.recorded().sheet(snapshot.digest, snapshot.samples[-1])
    st.image(first_rows(sheet, THUMBNAIL_ROWS), output_format="PNG", width="stretch",
             alt=f"What G draws when training fails: {challenge.title.lower()}")


def neighbours(run: StoredRun | None, step: int, slot: str) -> None:
    """The pictures of a run at `step` that look most copied, each beside its nearest training and
    its nearest new image with the distances, in a slot of fixed height named `slot`."""
    with st.container(key=f"neighbours-{slot}"):
        taken = run.snapshot.last_view("neighbours", step) if run is not None else None
        if run is None or taken is None:
            st.caption(WITHOUT if run is not None else "&nbsp;")
            return
        try:
            pictures = run.store.neighbours(run.snapshot.digest, taken)[:TRIPLES]
        except StoreError:  # wound back since the snapshot was taken; the next refresh has it
            st.skeleton(height=200)
            return
        st.html(_triples(pictures))
        st.caption(HOW_TO_READ.format(count=len(pictures), step=taken))


def _triples(pictures: np.ndarray) -> str:
    """Triples, uint8 (n, 3, 28, 28), as a grid with words under every picture."""
    triples = []
    for triple, (training, new) in zip(pictures, neighbour_distances(pictures), strict=True):
        words = ("generated", f"training {training:.1f}", f"new {new:.1f}")
        described = ("generated image", f"nearest training image, distance {training:.1f}",
                f"nearest new image, distance {new:.1f}")
        figures = map(_figure, triple, words, described)
        triples.append(f'<div class="triple">{"".join(figures)}</div>')
    return f'<div class="triples">{"".join(triples)}</div>'


def _figure(image: np.ndarray, words: str, alt: str) -> str:
    data = base64.b64encode(grey_png(image)).decode()
    return (f'<figure><img src="data:image/png;base64,{data}" alt="{alt}">'
            f"<figcaption>{words}</figcaption></figure>")
