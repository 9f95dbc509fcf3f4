"""Home: what this is, the baseline GAN ready to train, and the map of the five challenges.

`streamlit run` reads this file twice: as `__main__` it is the page, as a module the web server with
the live channel beside the pages.
"""

import streamlit as st

from gan_core.config.presets import CHALLENGES
from pages.channel import web
from pages.components.claims import claims
from pages.components.experiment import experiment
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

    experiment(PAGE, challenge)

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
1. **Train** with the settings on the left. Samples, losses and a verdict appear while it runs; you
   may move any slider meanwhile: it describes the next run, not the one that is running.
2. Pick a challenge, press **Break it** and **Train**, and read the verdict: what failed, since
   which step, and by which numbers.
3. **Apply remedy** keeps the broken run on the right and trains the mended one beside it.
4. **Change now** rescues a run that is under way: move a slider, press it, and the run goes on from
   where it is with the new setting. The charts mark the step.
5. **Link** gives an address that opens the same run again; on another copy of this app, after
   **Train**.

The networks, the data (MNIST) and three of the experiments come from a report on GAN training
challenges, the rest from lecture notes. The report's baseline, 50 epochs at a learning rate of
0.0002, is recorded and stands above before the first click; beside it, also recorded, the same
networks after 1250 steps at the best settings that a parameter map has found. PyTorch-GAN's
networks, with which the report compares, are under *More*.
Everything is computed on this machine; nothing is downloaded but Fashion-MNIST, if you choose it.
"""
    )

    claims(PAGE)


if __name__ == "__main__":
    home()
else:
    app = st.App(__file__, routes=web.all_routes(), middleware=web.middleware(),
                 lifespan=web.lifespan)
