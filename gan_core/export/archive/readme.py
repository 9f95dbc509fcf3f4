"""README.txt of a zip of runs: what each file is, and how the zip is opened again."""

from __future__ import annotations

from collections.abc import Collection, Sequence

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
OF_POINTS = ";\n                   of the run on points, "
DRAWN = "  drawn/           the same points as pictures\n"
VIEWS = {  # by folder
    "averaged": "  samples_ema/     the same of the averaged generator\n",
    "surface": "  surface/         D's score over the plane: black 0, white 1\n",
    "neighbours": "  neighbours/      generated images, each beside the nearest training image\n"
                  "                   and the nearest new one\n",
    "cards": "  cards/           training images above images that D never sees\n",
    "nearest": "  nearest/         the training image nearest to each image of the sheet\n",
    "walk": "  walk/            what G draws on the way from the first latent of each row\n"
            "                   of the sheet to its last\n",
    "grid": "  grid/            where G puts a square grid of latents: numpy.load(…)\n",
}
WEIGHTS = """\
  checkpoint.pt    the weights of both networks
  load_weights.py  puts them into the networks of gan.py: python load_weights.py
"""
NO_WEIGHTS = """\
There are no weights of {whose}: {why}.
"""
TRAINS = "gan.py trains with the same settings.\n"
OPENING = """\
To look at these runs again
  In the app: on the page "Runs" press "Open a run from a file", and choose this zip.
  On a command line: python -m gan_core open FILE
  They are shown as they were, with sheets, charts and verdict, and marked as opened from a file.
  Weights are not read: nothing in here is run or unpickled. Training such a run begins at its
  start. One that was trained on a processor comes to the same numbers on a processor of the same
  kind; a GPU draws other random numbers.
"""
FROM_A_FILE = "itself opened from a file; nobody here has seen it train"


def readme(
    reels: Sequence[Reel], names: Collection[str], weights: Sequence[bool],
    left_out: Sequence[str],
) -> str:
    """The text on a zip of the files `names`; `weights` says of each run whether its checkpoint is
    there, `left_out` names files that could not be made, and why."""
    parts = [f"{TITLE}\n{'=' * len(TITLE)}\n", *map(_run, reels), _only(OF_ALL, names),
             _only(_of_each(reels) + WEIGHTS, names)]
    trains = TRAINS if any(name.endswith("/gan.py") for name in names) else ""
    parts += [NO_WEIGHTS.format(whose=_whose(reel), why=_why_none(reel, left_out)) + trains
              for reel, has in zip(reels, weights, strict=True) if not has]
    parts.append(OPENING)
    if left_out:
        parts.append("Left out\n" + "".join(f"  {words}\n" for words in left_out))
    return "\n".join(parts)


def _only(lines: str, names: Collection[str]) -> str:
    """Of a list of files, the lines on those that are there; a line that goes on belongs to the one
    before."""
    parts = {part for name in names for part in _parts(name)}
    kept, there = "", True
    for line in lines.splitlines(keepends=True):
        if line[:2] == "  " and line[2] != " ":
            there = line.split()[0] in parts
        kept += line if there else ""
    return kept


def _parts(name: str) -> list[str]:
    """A file's own name, and those of the folders in which it is, as the lists have them."""
    *folders, own = name.split("/")
    return [own, *(f"{folder}/" for folder in folders)]


def _whose(reel: Reel) -> str:
    title = reel.title.lower()
    return title if title.startswith("this ") else f"the {title}"


def _run(reel: Reel) -> str:
    snapshot = reel.snapshot
    came = f"  {FROM_A_FILE}\n" if snapshot.opened else ""
    return (f"{reel.title}: {snapshot.config.digest()}\n  {caption(snapshot.config)}\n"
            f"  {_ended(snapshot.status, snapshot)}\n{came}")


def _ended(status: RunStatus, snapshot: RunSnapshot) -> str:
    where = f"step {snapshot.history.last_step} of {snapshot.config.steps}"
    device = f", on {status.device}" if status.device else ""
    if status.live:
        return f"copied at {where} while it was being trained{device}"
    return f"{status.state} at {where}{device}"


def _of_each(reels: Sequence[Reel]) -> str:
    kinds = {reel.snapshot.config.card.kind for reel in reels}
    views = {view for reel in reels for view in reel.snapshot.views}
    samples = OF_POINTS.join(
        words for kind, words in (("image", SHEETS), ("points", POINTS)) if kind in kinds)
    return OF_EACH.format(
        samples=samples, drawn=DRAWN if "points" in kinds else "",
        others="".join(words for view, words in VIEWS.items() if view in views))


def _why_none(reel: Reel, left_out: Sequence[str]) -> str:
    snapshot = reel.snapshot
    if any(f"-{snapshot.config.digest()}/checkpoint.pt: " in words for words in left_out):
        return "they could not be read"
    if snapshot.opened:
        return "it was opened from a file, and weights are never read from a file"
    if snapshot.status.live:
        return "it had no checkpoint yet"
    return "it is kept without a checkpoint, as recorded runs are"
