"""Home: what this is, the baseline GAN ready to train, and the map of the five challenges.

`streamlit run` reads this file twice: as `__main__` it is the page, as a module the web server with
the live channel beside the pages.
"""

import streamlit as st

from gan_core.config.presets import CHALLENGES
from pages.channel import web
from pages.components.claims import claims
from pages.components.experiment import experiment
from pages.components.measurements import measurements
from pages.components.page_frame import challenge_frame, heading
from pages.components.samples import thumbnail

PAGE = "baseline"


def home() -> None:
    challenge = challenge_frame(PAGE)
    heading(
        challenge,
        idea="""
A generator $G$ turns random numbers $z$ into images. A discriminator $D$ gives each image the
probability that it is real. They are trained in turn, $D$ to tell real from generated, $G$ to be
taken for real:

$$\\min_G \\max_D \\; \\mathbb E_x[\\log D(x)] + \\mathbb E_z[\\log(1 - D(G(z)))]$$

If both play perfectly, $G$ draws exactly the data's distribution and $D$ can only guess:
$D = \\tfrac12$, a loss of $2\\ln 2 \\approx 1.386$. Nothing guarantees that training gets there.
The five challenges are five ways in which it does not.

*Source:* Goodfellow et al., [Generative Adversarial Nets](https://arxiv.org/abs/1406.2661), 2014.
""",
    )

    state = experiment(PAGE, challenge)

    st.header("Five ways in which training fails")
    cards = {name: card for name, card in CHALLENGES.items() if name != PAGE}
    for column, (name, card) in zip(st.columns(len(cards)), cards.items(), strict=True):
        with column.container(border=True, key=f"card-{name}", height="stretch"):
            st.markdown(f"{card.icon} **{card.title}**")
            thumbnail(card)
            st.caption(card.summary)
            st.page_link(card.page, label="Open", icon=":material/arrow_forward:")

    st.header("How to use it")
    st.markdown(
        """
1. **Play** a recorded run, or drag the slider below the sheets: sheets, numbers and verdict move
   together. **Train it yourself**, and watch it live; you may move any slider meanwhile: it
   describes the next run, not the one that is running.
2. Pick a challenge and press **Break it**: its recorded run appears beside its remedy. Read the
   verdict: what failed, since which step, and by which numbers.
3. **Apply remedy** keeps the broken run on the right and trains the mended one beside it.
4. **Change now** rescues a run that is under way: move a slider, press it, and the run goes on from
   where it is with the new setting. The charts mark the step.
5. **Link** gives an address that opens the same run again; on another copy of this app, after
   **Train**.

The networks, the data (MNIST) and three of the experiments come from a report on GAN training
challenges, the rest from lecture notes. Above, before the first click, stand two recorded runs: on
the left the report's networks at the best settings that a parameter map has found, on the right the
same networks at the report's learning rate of 0.0002, after equally many steps. All 50 epochs of
the report are recorded too, under *More*; there are PyTorch-GAN's networks as well, with which the
report compares. Everything is computed on this machine; nothing is downloaded but Fashion-MNIST, if
you choose it.
"""
    )

    measurements(state)
    claims(PAGE)


if __name__ == "__main__":
    home()
else:
    app = st.App(__file__, routes=web.all_routes(), middleware=web.middleware(),
                 lifespan=web.lifespan)
