"""Discriminator overfitting: D's scores of single real images, and the nearest training images."""

import streamlit as st

from pages.components.claims import claims
from pages.components.experiment import experiment
from pages.components.folded import folded
from pages.components.measurements import measurements
from pages.components.neighbours import neighbours
from pages.components.page_frame import challenge_frame, heading
from pages.components.spread_view import spread

PAGE = "discriminator_overfitting"
challenge = challenge_frame(PAGE)

heading(
    challenge,
    idea="""
$D$ should learn what digits look like. With few images it can learn *which* images they are
instead. Held-out images, which training never shows, tell the two apart: to a $D$ that has learned
digits they are real, to one that knows its images by heart they are as foreign as samples. On $D$'s
scale of logits $s$,

$$r_v = \\frac{\\mathbb E\\, s(\\text{training}) - \\mathbb E\\, s(\\text{held out})}
{\\mathbb E\\, s(\\text{training}) - \\mathbb E\\, s(\\text{generated})}$$

is 0 without overfitting and 1 when $D$ takes new images for generated ones.

*Source:* Karras et al., [Training Generative Adversarial Networks with Limited
Data](https://arxiv.org/abs/2006.06676), 2020, section 2.
""",
)

state = experiment(PAGE, challenge)

happened, why, helps = st.columns(3)
with happened:
    st.header("What happens")
    st.markdown(
        """
Beside the sheets stand twenty **real** digits with $D$'s score under each: ten it has trained on,
and ten it has never seen. It accepts what it has seen and rejects many of the others, although all
are real (in the chart, the curve of new images sinks towards the samples). $G$ is
then judged by its likeness to 200 pictures, not to digits, and the Fréchet distance to the 10 000
digits of the test set stays high. Copies in the narrow sense are rare: the pictures above lie
nearer to training images than to new ones, but not on top of them.
"""
    )
with why:
    st.header("Why")
    st.markdown(
        """
$D$ has some half a million weights and sees each of 200 images hundreds of times. Telling them
apart one by one costs it less than learning what they share. The gradient it sends points $G$ to
single pictures. With 60 000 images the same $D$ cannot do that in the same time: set the slider
of training images and see where the gap closes.
"""
    )
with helps:
    st.header("What helps")
    st.markdown(
        """
- **Dropout in D**: no unit that recognises one image can be relied on. Samples improve clearly even
  where $D$ still overfits.
- **R1 and fewer D steps** beside it (*Fix it*): no steep slopes around single images, and less time
  to learn these by heart. Without R1, 1 run of 5 was still found to overfit.
- **Dropout**, **R1** and **label smoothing** alone are under *More*, to try.
- **More images**, or **augmentation**: the published remedy for limited data; a fully connected
  network learns little under it in a short session.
"""
    )

copied = folded(PAGE, "neighbours", "Has the generator copied? Its samples and the nearest images",
                ":material/compare:")
if copied.open:
    with copied:
        st.markdown(
            "Left: a generated image. Middle: the nearest training image. Right: the nearest image "
            "that training never showed. A copy lies much nearer to a training image than to any "
            "new one."
        )
        neighbours(state)

measurements(state)
spread(state)
claims(PAGE)
