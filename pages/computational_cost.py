"""Computational cost: what a step costs here, what remedies add, and how cost grows."""

import streamlit as st

from pages.components import prices
from pages.components.claims import claims
from pages.components.experiment import experiment
from pages.components.folded import folded
from pages.components.measurements import measurements
from pages.components.page_frame import challenge_frame, heading
from pages.components.spread_view import spread

PAGE = "computational_cost"
challenge = challenge_frame(PAGE)

heading(
    challenge,
    idea="""
A step trains two networks. For a batch of $n$ images, a layer of $a \\times b$ weights takes
$2nab$ floating-point operations (FLOPs) forward, as many for the gradient of its weights, and as
many for that of its inputs. A convolution uses its weights once for every pixel:

$$\\text{FLOPs} = 2\\,n\\,h\\,w\\,k^2\\,c_\\text{in}\\,c_\\text{out}$$

for $h \\times w$ output pixels, $k \\times k$ taps and $c$ channels. So a network with *fewer*
weights may cost *more*. Each extra update of D, and each penalty that needs a gradient of a
gradient, is paid for again in every step.

*Sources:* Radford et al., [DCGAN](https://arxiv.org/abs/1511.06434), 2016; Gulrajani et al.,
[Improved Training of Wasserstein GANs](https://arxiv.org/abs/1704.00028), 2017.
""",
)

state = experiment(PAGE, challenge)

happened, why, helps = st.columns(3)
with happened:
    st.header("What happens")
    st.markdown(
        """
What counts is **time**, so both runs stand here after equal seconds, each with its clock. *Break
it* trains the networks of PyTorch-GAN's DCGAN on batches of 256: on one CPU core a step takes about
a second, and after half a minute its samples are blobs. *Fix it* is a light DCGAN with batches of
64, which takes nearly fifty steps in the time of one. On a GPU both are quick.
"""
    )
with why:
    st.header("Why")
    st.markdown(
        """
A convolution uses each of its weights once for **every pixel**. The published network works on
images of 32×32 pixels with 128 and 64 channels at full size; the light one has fewer channels and
begins at 7×7. It has *more* weights in some layers, and still far less to compute: the number of
weights says little about the cost of a step.
"""
    )
with helps:
    st.header("What helps")
    st.markdown(
        """
- **Fewer channels**, above all where the images are large.
- **A better recipe**: fewer steps until the samples are good (*Healthy*, and the parameter map).
- **Remedies that pay**: each adds to a step; it is worth that when it saves more steps, or failed
  runs. Their prices are below.
- **Larger batches** use a GPU better; on a CPU they mostly take longer.
"""
    )

here = folded(PAGE, "here", "What a GAN costs here and now", ":material/speed:")
if here.open:
    with here:
        st.markdown(
            "What counts in the end is the time until the samples are good. Evaluations come every "
            "250 steps, so nothing in between is known."
        )
        prices.quality(PAGE)
        st.markdown(
            "A single step, by networks, batch and number format. **Measure** has a worker time a "
            "few blocks of steps; the median block counts. The machine's other work counts too."
        )
        prices.measured()

each = folded(PAGE, "remedies", "What each remedy costs", ":material/healing:")
if each.open:
    with each:
        st.markdown(
            """
Every remedy beside the plain GAN: the report's MLP, batch 64, one D step. Label smoothing, dropout,
noise, augmentation, clipping and an averaged G add no matrix products: their FLOPs stay at 1 ×.
Their time need not, since random numbers and work on single elements are not counted in FLOPs. Five
critic steps mean five times D's work, and a gradient penalty adds passes of its own. Packing needs
a batch twice as large for as many judgements. A remedy is worth its price when it saves more steps,
or failed runs, than it adds.
"""
        )
        prices.remedies()

growth = folded(PAGE, "growth", "How cost grows", ":material/trending_up:")
if growth.open:
    with growth:
        st.markdown(
            """
On log scales a power law is a straight line, and its slope is the power. A layer inside the MLP has
$a \\times b$ weights and both grow with the width; the layers at the pixels grow on one side only:
the slope of the FLOPs lies between 1 and 2. They are proportional to the batch, and to the *square*
of the images' side. Time may grow more slowly than FLOPs, because small products leave the
processor idle, and more quickly where memory is the limit. The images of other sides are random
ones: what they show does not change what they cost.
"""
        )
        prices.growth()

published = folded(PAGE, "published", "What published models cost", ":material/public:")
if published.open:
    with published:
        st.markdown(
            """
MNIST at 28×28 is the smallest case. These are the times that authors report for one training, on
the hardware they name.
"""
        )
        prices.published()

measurements(state)
spread(state)
claims(PAGE)
