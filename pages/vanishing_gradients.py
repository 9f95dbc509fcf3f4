"""Vanishing gradients: a frozen generator's gradient under two losses, and the failure live."""

import streamlit as st

from pages.components.claims import claims
from pages.components.experiment import experiment
from pages.components.folded import folded
from pages.components.frozen_generator import frozen
from pages.components.measurements import measurements
from pages.components.page_frame import challenge_frame, heading
from pages.components.spread_view import spread

PAGE = "vanishing_gradients"
challenge = challenge_frame(PAGE)

heading(
    challenge,
    idea="""
With $s$ the logit that $D$ gives a sample, the two forms of the generator's loss are

$$\\text{minimax: } \\log(1 - \\sigma(s)), \\qquad
\\text{non-saturating: } -\\log \\sigma(s),$$

and what each passes on to $G$, per logit, is

$$\\left|\\frac{\\partial \\mathcal L_G}{\\partial s}\\right| = \\sigma(s)
\\quad\\text{or}\\quad \\sigma(-s).$$

They agree at $s = 0$, where $D$ is undecided. When $D$ is sure that a sample is generated, $s \\to
-\\infty$: the first goes to 0, the second to 1. The minimax loss goes silent exactly when $G$ is
worst.

*Sources:* Goodfellow et al., [Generative Adversarial Nets](https://arxiv.org/abs/1406.2661), 2014,
section 3; Arjovsky & Bottou, [Towards Principled Methods for Training
GANs](https://arxiv.org/abs/1701.04862), 2017.
""",
)

state = experiment(PAGE, challenge)

happened, why, helps = st.columns(3)
with happened:
    st.header("What happens")
    st.markdown(
        """
In *Break it* a $D$ that learns twenty times as fast, five times a round, soon makes no mistake,
and $G$ stands still: whatever latents it is given, it draws the same noise. Watch the two lines
beside the sheets: how much signal each **loss** would send $G$, on the same batch, whichever of
them trains; and the strip below, in which the way back to $G$ grows thin and breaks off.

A frozen $G$ (below) shows why: one loss's gradient falls by orders of magnitude, the other's grows.
"""
    )
with why:
    st.header("Why")
    st.markdown(
        """
Digits fill a thin part of the 784-dimensional cube, and so do samples: a $D$ that is good enough
separates the two without an error, and is flat everywhere else. Where $D$ is flat and sure, the
minimax loss has no slope to follow.

**Why it is rare in practice.** Adam divides each gradient by its own recent size, so that a
gradient a thousand times smaller moves $G$ just as far, as long as its direction is not noise.
Plain gradient descent does not: *More → Without Adam*.
"""
    )
with helps:
    st.header("What helps")
    st.markdown(
        """
- **The non-saturating loss**: the gradient is largest where $D$ rejects every sample. Alone it
  restores the gradient, not the digits (*More → The other loss alone*).
- **Fix it** adds what makes a strong $D$ a teacher: **R1**, so that it is nowhere steep, and a $G$
  that learns at $D$'s own rate. $D$ is as fast and as often trained as before.
- **Label smoothing** alone: a little more gradient is left; it still vanishes.
- **WGAN-GP**: a critic of bounded slope has a gradient everywhere.
- **Balance**: equal rates, one $D$ step a round. Even the minimax loss then works (*Healthy*,
  with a little R1: without it, 3 runs of 15 failed).
"""
    )

still = folded(PAGE, "frozen", "A generator that stands still: the gradient it would get",
               ":material/ac_unit:")
if still.open:
    with still:
        st.markdown(
            "A $G$ trained for 500 steps is **frozen**, and a fresh $D$ learns to tell its samples "
            "from digits. After every step the gradient is measured that $G$ *would* get, for the "
            "same samples and the same $D$, under both losses. Both runs are recorded, with the "
            "same $G$; a faster $D$ silences the minimax loss sooner. *More → Freeze G* trains it "
            "here, with any setting."
        )
        frozen()

measurements(state)
spread(state)
claims(PAGE)
