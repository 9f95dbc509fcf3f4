"""Cross-validation: settings compared on folds, and whether these folds can tell them apart."""

import streamlit as st

from pages.components.fold_choice import arrive, in_url
from pages.components.fold_controls import fold_controls
from pages.components.fold_view import fold_view, what_is_held_out
from pages.components.markdown import plain
from pages.components.page_frame import device_badge, heading, large_type, tool_frame

tool = tool_frame("cross_validation")

heading(
    tool,
    idea="""
The training set is cut into $k$ **folds**. Each candidate is trained $k$ times, each time without
one of them, and measured on that one: on examples that this run has never seen. What differs from
fold to fold is chance; what differs from candidate to candidate in *every* fold is not.

The folds share most of their training examples, so a plain $t$-test takes them for more independent
than they are. The **corrected resampled $t$-test** puts the overlap into the variance of the mean
difference,

$$t = \\bar d \\Big/
\\sqrt{\\left(\\tfrac1k + \\tfrac{n_\\text{test}}{n_\\text{train}}\\right) s_d^2},$$

with $k-1$ degrees of freedom; with several candidates, Holm's correction counts how often one has
looked. The best candidate was *chosen* by its folds, so they flatter it: that is why it is measured
once more, on the **test set**, which nothing before has touched.

*Source:* Nadeau & Bengio, *Inference for the Generalization Error*, Machine Learning 52, 2003.
""",
)

choice = arrive()
with st.sidebar:
    fold_controls(choice)
    st.divider()
    device_badge()
    large_type()
if choice.problems:
    st.warning(" ".join(map(plain, choice.problems)), icon=":material/link_off:")
fold_view(choice)
choice.url.write(in_url(choice.study))
what_is_held_out(choice.study)
