"""Mode collapse: the generator draws one digit; three discriminator steps bring all ten back."""

import streamlit as st

from pages.components.claims import claims
from pages.components.experiment import experiment
from pages.components.measurements import measurements
from pages.components.page_frame import challenge_frame, heading
from pages.components.spread_view import spread

PAGE = "mode_collapse"
challenge = challenge_frame(PAGE)

heading(
    challenge,
    idea="""
A **mode** is a kind of output: on MNIST, a digit. $G$ is never asked for variety. It minimises

$$\\mathcal L_G = -\\,\\mathbb E_z \\log D(G(z)),$$

which is lowest when *every* sample is the one image that the present $D$ finds most convincing.
What keeps $G$ honest is that $D$ moves too: it learns to reject that image, and $G$ must move on.
If $G$ moves faster than $D$ can follow, nothing spreads its samples out again.

*Sources:* Goodfellow, [NIPS 2016 tutorial](https://arxiv.org/abs/1701.00160), section 5.1; Metz et
al., [Unrolled GANs](https://arxiv.org/abs/1611.02163), 2017.
""",
)

state = experiment(PAGE, challenge)

happened, why, helps = st.columns(3)
with happened:
    st.header("What happens")
    st.markdown(
        """
Raise the generator's learning rate to ten times the discriminator's and its samples become more
and more alike, until all 64 latents give the same picture. In the histogram one bar stands at
100 %. **Diversity**, the mean distance between two samples, measured in units of that between two
real images, falls towards 0.

Look at the losses too: once $G$ has collapsed, $D$ rejects its single picture with ease, $\\mathcal
L_G$ climbs, and $G$ does not find its way out.

In the plane (*Ring*, above) the collapse **moves**: $G$ sits on one or two modes, $D$ learns to
reject them, $G$ jumps to others. *Play* it: the colours behind the points are $D$'s opinion, the
arrows show where its slope pushes each sample. Which mode was visited when stands in *All
measurements*.
"""
    )
with why:
    st.header("Why")
    st.markdown(
        """
For a fixed $D$ the best answer of $G$ is a single point: $\\arg\\max_x D(x)$. Only a $D$ that
adapts as fast as $G$ moves turns this race into a balance. With $G$ ten times faster, each of its
steps goes far towards the current best point before $D$ has learned to distrust it, and all
latents go the same way, since the gradient $\\partial D/\\partial x$ is nearly the same at nearly
equal images.
"""
    )
with helps:
    st.header("What helps")
    st.markdown(
        """
- **More D steps per round.** The same two learning rates, but $D$ gets three updates before each
  of $G$'s: the broken run becomes a healthy one.
- **Equal rates** remove the cause; training is slower at first.
- **Noise on D's inputs** makes real and generated images overlap. On top of more D steps it helps
  the worst seeds a little; alone it does not bring the digits back.

- **In the plane**: R1, and packing, which lets $D$ judge several samples at once.
- **Balanced sampling** is for data in which some digits are rare: it makes them common to $D$.

All of them are under *More*; what was measured is below.
"""
    )

measurements(state)
spread(state)
claims(PAGE)
