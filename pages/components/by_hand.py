"""A small GAN on the ring, trained by the visitor: one update of D or of G at a press, with losses,
D's surface and G's samples before and after.

What was pressed is kept in the URL's parameter `hand`, such as `d10,g1`: from it the networks are
made anew.
"""

from __future__ import annotations

import base64
import functools
import io
import re

import numpy as np
import streamlit as st
from PIL import Image, ImageDraw

from gan_core.hand_trained import NETWORKS, RING, HandTrained
from pages.components.chart_style import GENERATED, REAL
from pages.components.markdown import plain
from pages.components.state import State, keep

PARAMETER = "hand"
MOST_UPDATES = 1000  # of both networks: a second of computing
MOST_TURNS = 200  # from one network to the other
SIDE, SURFACE = 300, 60  # pixels of a picture; scores on a side
SAMPLES = 400
INK = (22, 24, 29)
_PRESSES = re.compile(r"(?:[dg][1-9][0-9]{0,3}(?:,(?=.)|$))*")

Presses = tuple[tuple[str, int], ...]
"""Which network was updated, and how often."""


def by_hand(page: str) -> None:
    """Draw it on `page`, whose `experiment` has read the URL."""
    st.fragment(_by_hand)(page)


def read(text: str) -> tuple[Presses, str]:
    """What was pressed, from the URL, and what is wrong with that."""
    parts = text.split(",") if text else []
    if _PRESSES.fullmatch(text) and len(parts) <= MOST_TURNS:
        presses = tuple((part[0], int(part[1:])) for part in parts)
        if sum(count for _, count in presses) <= MOST_UPDATES:
            return presses, ""
    return (), (f"{PARAMETER} must be updates such as d10,g1, at most {MOST_UPDATES} together and "
                f"{MOST_TURNS} turns; it begins anew.")


def written(presses: Presses) -> str:
    """The inverse of `read`."""
    return ",".join(f"{network}{count}" for network, count in presses)


def pressed(presses: Presses, network: str, count: int) -> Presses:
    """With `count` more updates of a network."""
    if presses and presses[-1][0] == network:
        return (*presses[:-1], (network, presses[-1][1] + count))
    return (*presses, (network, count))


def undone(presses: Presses) -> Presses:
    """Without the last update."""
    if not presses:
        return ()
    network, count = presses[-1]
    return (*presses[:-1], (network, count - 1)) if count > 1 else presses[:-1]


@functools.lru_cache(maxsize=512)
def trained(presses: Presses) -> HandTrained:
    """Both networks after these updates; what was known before the last turn is not computed
    again."""
    if not presses:
        return HandTrained.start()
    network, count = presses[-1]
    gan = trained(presses[:-1])
    for _ in range(count):
        gan = gan.step(network)
    return gan


def _by_hand(page: str) -> None:
    state: State = st.session_state[f"{page}/state"]
    presses, problem = read(state.part_parameters.get(PARAMETER, ""))
    if problem:
        st.warning(plain(problem), icon=":material/link_off:")
        keep(state, PARAMETER, "")
    full = (sum(count for _, count in presses) + 10 > MOST_UPDATES
            or len(presses) >= MOST_TURNS)
    with st.container(horizontal=True, gap="small", key="hand-buttons"):
        for network in NETWORKS:
            for count in (1, 10):
                words = f"{count} {network.upper()} step{'' if count == 1 else 's'}"
                st.button(words, key=f"{page}/hand/{network}{count}", disabled=full,
                          on_click=_press, args=(state, pressed(presses, network, count)))
        st.button("Undo", key=f"{page}/hand/undo", icon=":material/undo:", disabled=not presses,
                  on_click=_press, args=(state, undone(presses)))
        st.button("Start again", key=f"{page}/hand/again", icon=":material/restart_alt:",
                  disabled=not presses, on_click=_press, args=(state, ()))
    st.markdown(told(presses))
    st.html(pictures(presses))
    st.caption("Left the networks one update ago, right as they are now. Orange: D takes what lies "
               "there for generated, blue: for real, white: it cannot tell. Dots: what G makes. "
               "Rings: the eight real modes.")


def _press(state: State, presses: Presses) -> None:
    keep(state, PARAMETER, written(presses))


def told(presses: Presses) -> str:
    """What the last update did to both losses."""
    now = trained(presses)
    updates = (f"{now.discriminator.updates} D and {now.generator.updates} G updates so far.")
    loss_d, loss_g = now.losses()
    if not presses:
        return f"D's loss **{loss_d:.3f}**, G's loss **{loss_g:.3f}**. Press a button: {updates}"
    before_d, before_g = trained(undone(presses)).losses()
    return (f"The last {presses[-1][0].upper()} step: D's loss {before_d:.3f} → **{loss_d:.3f}**, "
            f"G's loss {before_g:.3f} → **{loss_g:.3f}**. {updates}")


@functools.lru_cache(maxsize=64)
def pictures(presses: Presses) -> str:
    """The plane before the last update and after it, as HTML."""
    figures = []
    for words, gan in (("before", trained(undone(presses))), ("now", trained(presses))):
        data = base64.b64encode(_plane(gan)).decode()
        figures.append(f'<figure><img src="data:image/png;base64,{data}" alt="D\'s scores and G\'s '
                       f'samples, {words}"><figcaption>{words}</figcaption></figure>')
    return f'<div class="hand">{"".join(figures)}</div>'


def _plane(gan: HandTrained) -> bytes:
    scores = gan.surface(RING.extent, SURFACE)[..., None]
    ends = [np.array(_rgb(colour), float) for colour in (GENERATED, REAL)]
    share = np.abs(2 * scores - 1)
    colours = 255 + (np.where(scores < 0.5, *ends) - 255) * share
    plane = Image.fromarray(np.rint(colours).astype(np.uint8)).resize(
        (SIDE, SIDE), Image.Resampling.NEAREST)
    pen, scale = ImageDraw.Draw(plane), SIDE / (2 * RING.extent)
    for points, radius, filled in ((gan.samples(SAMPLES), 1.6, True),
                                   (np.asarray(RING.centres), 6, False)):
        for x, y in points:
            across, down = (x + RING.extent) * scale, (RING.extent - y) * scale
            box = (across - radius, down - radius, across + radius, down + radius)
            pen.ellipse(box, fill=INK if filled else None, outline=INK)
    buffer = io.BytesIO()
    plane.save(buffer, "PNG")
    return buffer.getvalue()


def _rgb(colour: str) -> tuple[int, ...]:
    return tuple(int(colour[at : at + 2], 16) for at in (1, 3, 5))
