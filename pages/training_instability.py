"""Training instability: the Dirac-GAN in the plane, and the same swings on MNIST."""

import streamlit as st

from pages.components.by_hand import by_hand
from pages.components.claims import claims
from pages.components.dirac_gan import portrait
from pages.components.experiment import experiment
from pages.components.folded import folded
from pages.components.measurements import measurements
from pages.components.page_frame import challenge_frame, heading
from pages.components.spread_view import spread

PAGE = "training_instability"
challenge = challenge_frame(PAGE)

heading(
    challenge,
    idea="""
Training looks for a point $(\\theta^*, \\psi^*)$ at which neither network can gain by moving: a
**Nash equilibrium**. Both follow a gradient,

$$\\dot\\theta = -\\nabla_\\theta \\mathcal L_G(\\theta, \\psi), \\qquad
\\dot\\psi = -\\nabla_\\psi \\mathcal L_D(\\theta, \\psi),$$

but these are gradients of *two* functions. The field they form need not point downhill anywhere:
it can turn around the equilibrium. Whether training arrives is read from the eigenvalues of the
field's Jacobian there. Negative real parts: it converges. Purely imaginary ones: it circles, and
steps of finite size spiral outwards.

*Sources:* Mescheder et al., [The Numerics of GANs](https://arxiv.org/abs/1705.10461), 2017, and
[Which Training Methods for GANs do actually Converge?](https://arxiv.org/abs/1801.04406), 2018.
""",
)

state = experiment(PAGE, challenge)

happened, why, helps = st.columns(3)
with happened:
    st.header("What happens")
    st.markdown(
        """
*Break it* trains a Wasserstein critic without the limit on its slope that the theory asks for. Its
loss has no lowest value, so it grows steeper; $G$ is thrown from one place to another, and $D$'s
two scores, beside the sheets, change places again and again. **Swing** is how far their difference
moves in the last 300 steps. *Play* it slowly, and see the samples being thrown about.

A run whose loss or gradient becomes infinite has **diverged**: try *More → Divergence*.
"""
    )
with why:
    st.header("Why")
    st.markdown(
        """
In the smallest GAN there is (below), without a regulariser, the field turns: when $\\theta$ is
right of the data, $D$ tilts to push it left; when it arrives at 0, $D$ is still tilted and pushes
it past. Nothing takes energy out of the swing, and each finite step adds some.

A regulariser that flattens $D$ near the data, such as R1's $\\tfrac\\gamma2 \\lVert\\nabla
D(x)\\rVert^2$, is that friction: the eigenvalues move to the left.
"""
    )
with helps:
    st.header("What helps")
    st.markdown(
        """
- **A bound on D's slope**: a gradient penalty (*Fix it*), or spectral normalisation, which is
  steady too but slower here.
- **R1**, friction where the data is.
- **Clipped gradients** bound a single step, not the field: measured below, they do not help here.
- **Lower rates**, or **two time scales** ($D$ faster than $G$), make smaller steps. Try them.

All of them are under *More*; the verdict offers those that fit the run.
"""
    )

smallest = folded(PAGE, "dirac", "The smallest GAN there is: move its controls",
                  ":material/motion_mode:", opened="dirac" in state.part_parameters)
if smallest.open:
    with smallest:
        st.markdown(
            "One real point at 0, a generator that makes one point θ, a discriminator that is a "
            "line of slope ψ. Everything that training can do fits into a plane. Move the "
            "controls: nothing is trained, it is computed at once."
        )
        portrait(PAGE)

hand = folded(PAGE, "hand", "By hand: one update at a time, on the ring", ":material/touch_app:",
              opened="hand" in state.part_parameters)
if hand.open:
    with hand:
        st.markdown(
            "A GAN of two small networks, and you train it. One D step, and the colours move: $D$ "
            "learns where the samples are. One G step, and the samples run to where it is blue. "
            "Many steps of one network alone: what does the other one learn from then?"
        )
        by_hand(PAGE)

measurements(state)
spread(state)
claims(PAGE)
