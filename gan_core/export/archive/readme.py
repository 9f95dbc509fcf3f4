"""README.txt of a zip of runs: what each file is, and how the zip is opened again."""

from __future__ import annotations

from collections.abc import Sequence

from gan_core.config.config_text import caption
from gan_core.export.sheets import Reel
from gan_core.runs.snapshots import RunSnapshot
from gan_core.runs.status import RunStatus

TITLE = "Runs of the GAN challenges lab"
OF_ALL = """\
Of all runs in here
  report.html      question, settings, sheets, charts and verdict; opens in any browser, offline
  film.gif         the sheets of samples, one after another
  charts/          each chart as a drawing (.svg) and as a picture (.png)
"""
OF_EACH = """\
Of each run, in a folder of its own
  gan.py           the same training as one PyTorch script: python gan.py
  gan.ipynb        the same as a notebook
  history.csv      losses, gradients, metrics and shares of modes, one row a step
  history.json     settings and measurements as data, with lists that the table lacks
  samples/         {samples}
{drawn}{others}  config.json      the settings            ┐
  history.jsonl    steps and evaluations   │ what is read when the zip is opened again,
  status.json      how the run ended       ┘ with the pictures
"""
SHEETS = "sheets of 8 × 8 generated images, named by their step"
POINTS = "generated points, named by their step: numpy.load(…), one row (x, y) a point"
DRAWN = "  drawn/           the same points as pictures\n"
VIEWS = {  # by folder
    "averaged": "  samples_ema/     the same of the averaged generator\n",
    "surface": "  surface/         D's score over the plane: black 0, white 1\n",
    "neighbours": "  neighbours/      generated images beside the nearest training and new ones\n",
    "cards": "  cards/           training images above images that D never sees\n",
    "nearest": "  nearest/         the training image nearest to each of the sheet\n",
    "walk": "  walk/            what G draws between two latents of each row of the sheet\n",
    "grid": "  grid/            where G takes a square grid of latents: numpy.load(…)\n",
}
WEIGHTS = """\
  checkpoint.pt    the weights of both networks; load_weights.py puts them into those of gan.py:
                   python load_weights.py
"""
NO_WEIGHTS = """\
There are no weights of {whose}: {why}.
gan.py trains with the same settings.
"""
OPENING = """\
To look at these runs again
  In the app: Runs, Open a run, and choose this zip. On a command line: python -m gan_core open FILE
  They are shown as they were, with sheets, charts and verdict, and marked as opened from a file.
  Weights are not read: nothing in here is run or unpickled. Training such a run begins at its
  start. One that was trained on a processor comes to the same numbers on the same kind; a GPU draws
  other random numbers.
"""
FROM_A_FILE = "itself opened from a file; nobody here has seen it train"


def readme(reels: Sequence[Reel], weights: Sequence[bool], left_out: Sequence[str]) -> str:
    """The text; `weights` says of each run whether its checkpoint is there, `left_out` names files
    that could not be read."""
    parts = [f"{TITLE}\n{'=' * len(TITLE)}\n", *map(_run, reels), OF_ALL, _of_each(reels)]
    if any(weights):
        parts[-1] += WEIGHTS
    parts += [NO_WEIGHTS.format(whose=reel.title.lower(), why=_why_none(reel.snapshot))
              for reel, has in zip(reels, weights, strict=True) if not has]
    parts.append(OPENING)
    if left_out:
        parts.append("Left out, since it could not be read\n"
                     + "".join(f"  {words}\n" for words in left_out))
    return "\n".join(parts)


def _run(reel: Reel) -> str:
    snapshot = reel.snapshot
    came = f"  {FROM_A_FILE}\n" if snapshot.opened else ""
    return (f"{reel.title}: {snapshot.config.digest()}\n  {caption(snapshot.config)}\n"
            f"  {_ended(snapshot.status, snapshot)}\n{came}")


def _ended(status: RunStatus, snapshot: RunSnapshot) -> str:
    where = f"step {snapshot.history.last_step} of {snapshot.config.steps}"
    device = f", on {status.device}" if status.device else ""
    if status.live:
        return f"copied at {where} while it was training{device}"
    return f"{status.state} at {where}{device}"


def _of_each(reels: Sequence[Reel]) -> str:
    kinds = {reel.snapshot.config.card.kind for reel in reels}
    views = {view for reel in reels for view in reel.snapshot.views}
    samples = "; of the other run, ".join(
        words for kind, words in (("image", SHEETS), ("points", POINTS)) if kind in kinds)
    return OF_EACH.format(
        samples=samples, drawn=DRAWN if "points" in kinds else "",
        others="".join(words for view, words in VIEWS.items() if view in views))


def _why_none(snapshot: RunSnapshot) -> str:
    if snapshot.opened:
        return "it was opened from a file, of which weights are never read"
    if snapshot.status.live:
        return "it had no checkpoint yet"
    return "it is kept without a checkpoint, as recorded runs are"
