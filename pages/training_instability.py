"""Training instability: the players circle or diverge; a penalty on D's gradient damps them."""

import streamlit as st

from pages.components.band import band
from pages.components.experiment import experiment
from pages.components.frame import frame, heading
from pages.components.portrait import portrait

challenge = frame("training_instability")

heading(challenge, idea="Two players that pull on one objective may turn about its saddle.")

experiment("training_instability", challenge)

st.subheader("Several seeds, not one lucky line")
band(st.session_state["training_instability/state"])

st.subheader("The smallest GAN there is")
portrait("training_instability")
