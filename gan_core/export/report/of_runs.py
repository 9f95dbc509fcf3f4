"""A report of one run, or of two beside each other: one HTML file that opens anywhere, offline.

    Path("report.html").write_text(report([Reel("This run", snapshot, store)]), encoding="utf-8")

It asks the page's question, shows samples, film and charts, gives the verdict with its numbers and
says how to repeat it all. Of everything it says what is so at the moment it is written. Torch-free.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from gan_core.config.presets import CHALLENGES, Challenge
from gan_core.diagnosis.findings import Finding
from gan_core.diagnosis.headlines import HEADLINES
from gan_core.diagnosis.number_words import whole
from gan_core.export.charts.files import chart_svgs
from gan_core.export.code.header import on_a_gpu
from gan_core.export.film import film
from gan_core.export.report.metric_words import meaning
from gan_core.export.report.page import (
    Table,
    anchor,
    data_address,
    document,
    folded,
    marked,
    section,
    table,
    text,
)
from gan_core.export.report.settings import (
    all_settings,
    command,
    differing,
    setting_words,
    shared,
)
from gan_core.export.report.verdict import Spoken, spoken
from gan_core.export.sheets import Reel, frame, png, still
from gan_core.runs.snapshots import RunSnapshot
from gan_core.runs.status import StoreError
from gan_core.system.version import VERSION

MOST_FILM = 2_200_000  # bytes: with all its pictures a report stays below five megabytes
MOST_RUNS = 2
OF_GPUS = ("A GPU draws other random numbers than a processor: what was trained on one of them is "
           "another run on the other, with the same settings.")


def report(
    reels: Sequence[Reel], page: str = "", *, predicted: str = "", link: str = "",
    script: str = "", downloads: Path | None = None,
) -> str:
    """The text of the HTML file on `reels`, this run and, if there is a second one, its reference.

    `page` names the challenge (of CHALLENGES) whose question it answers, "" for none; `predicted`
    is the answer that a visitor gave to it, one of the challenge's own; `link` opens the runs in
    the app; `script` is the name of a script that trains with its settings; `downloads` is the
    folder of classifiers that are not bundled. A run without samples has a report without pictures,
    and one whose samples are damaged says so.
    """
    reels = reels[:MOST_RUNS]
    challenge = CHALLENGES.get(page)
    by_time = challenge is not None and challenge.by_time and len(reels) > 1
    said = [spoken(reel.snapshot) for reel in reels]
    title = _title(challenge)
    body = [
        section("Prediction", _prediction(challenge, reels[0].snapshot, predicted)),
        section("Verdict", *(_verdict(reel, each, len(reels) > 1)
                             for reel, each in zip(reels, said, strict=True))),
        section("Samples", *map(_sheets, reels)),
        section("Film", _film(reels, by_time)),
        section("Numbers", _numbers(reels, said), _measured(reels)),
        section("What helps", _remedies(said[0].findings)),
        section("Settings", _settings(reels), _all_settings(reels)),
        section("Charts", _charts(reels, by_time, downloads)),
        section("How to repeat it", *_repeat(reels, link, script)),
    ]
    return document(f"{title}, run {reels[0].snapshot.config.digest()}",
                    _head(title, challenge, reels), filter(None, body), foot())


def _title(challenge: Challenge | None) -> str:
    """What the report is about: a failure that gives a page its name may not be what was found."""
    if challenge is None:
        return "A GAN run"
    if challenge.title.startswith("A "):
        return challenge.title
    return f"GAN challenge: {challenge.title[0].lower()}{challenge.title[1:]}"


def _head(title: str, challenge: Challenge | None, reels: Sequence[Reel]) -> str:
    question = f'<p class="question">{marked(challenge.question)}</p>' if challenge else ""
    runs = "".join(f"<p><strong>{text(reel.title)}</strong>: {text(_what(reel.snapshot))}</p>"
                   for reel in reels)
    return f"<h1>{text(title)}</h1>{question}{runs}"


def _what(snapshot: RunSnapshot) -> str:
    """Which run it is and how far it is, in words; that of an opened one is hearsay."""
    status, config = snapshot.status, snapshot.config
    words = (f"{config.card.label}, seed {config.seed}, step {whole(status.step)} of "
             f"{whole(config.steps)}")
    if snapshot.live:
        return f"{words}; it was still going on when this was written."
    if snapshot.opened:
        words = f"{words}, opened from a file"
    return f"{words}, {status.state}{f': {status.reason}' if status.reason else ''}."


def foot() -> str:
    """By what it was written; not when: of the same run it is the same to the last byte."""
    return text(f"Written by GAN challenges lab {VERSION}. It needs no network and no scripts.")


# --- prediction, verdict, numbers ----------------------------------------------------------------


def _prediction(challenge: Challenge | None, snapshot: RunSnapshot, predicted: str) -> str:
    """What was asked and answered, and whether that was right."""
    if challenge is None or predicted not in dict(challenge.prediction.options):
        return ""
    asked = f"<p>{text(challenge.prediction.question)}</p>"
    given = f"Predicted: <strong>{text(predicted)}</strong>."
    if snapshot.live:
        return f"{asked}<p>{given} The run was still going on.</p>"
    headline = HEADLINES[challenge.headline]
    value = headline.value_of(snapshot.history)
    if value != value:
        return f"{asked}<p>{given} The run is too short to tell.</p>"
    right = challenge.prediction.right(value)
    answer = "That is right" if right == predicted else \
        f"It is <strong>{text(right)}</strong>"
    return f"{asked}<p>{given} {answer} ({text(headline.label)}: {text(headline.text(value))}).</p>"


def _verdict(reel: Reel, said: Spoken, named: bool) -> str:
    whose = f"<h3>{text(reel.title)}</h3>" if named else ""
    evidence = folded("The full evidence", f"<p><strong>{text(said.headline)}</strong> "
                      f"{text(said.sentences)}</p>") if said.sentences else ""
    return (f'{whose}<div class="verdict {said.tone}"><p class="name">{text(said.name)}</p>'
            f"<p>{text(said.sentence)}</p></div>{evidence}")


def _numbers(reels: Sequence[Reel], said: Sequence[Spoken]) -> str:
    """The numbers behind the verdicts, each explained."""
    known = [{chip.label: chip for chip in (*each.measured, *each.chips)} for each in said]
    helps = {label: chip.help for chips in reversed(known) for label, chip in chips.items()}
    labels = dict.fromkeys(chip.label for each in said for chip in each.chips)
    rows = [[f"{text(label)} <small>{text(helps[label])}</small>",
             *(text(chips[label].value) if label in chips else "–" for chips in known)]
            for label in labels]
    return table(Table(["Number", *(reel.title for reel in reels)], rows,
                       "Numbers behind the verdict"))


def _measured(reels: Sequence[Reel]) -> str:
    """All that the last evaluations measured."""
    last = [reel.snapshot.history.evaluations[-1:] for reel in reels]
    metrics = [each[0].metrics if each else {} for each in last]
    rows = [[f"<code>{text(name[:60])}</code> <small>{text(meaning(name))}</small>",
             *(_value(of.get(name)) for of in metrics)]
            for name in dict.fromkeys(name for of in metrics for name in of)]
    return folded("All that the last evaluation measured", table(Table(
        ["Metric", *(f"{reel.title}{f', step {each[0].step}' if each else ''}"
                     for reel, each in zip(reels, last, strict=True))], rows, "Metrics")))


def _value(value: float | None) -> str:
    return "–" if value is None or value != value else f"{value:.4g}"


def _remedies(findings: Sequence[Finding]) -> str:
    """Of each finding what it is, and what is known to help, each remedy once."""
    parts, told = [], set[str]()
    for finding in findings:
        tried = "".join(
            f"<li><strong>{text(remedy.label)}</strong>: {text(remedy.why)}. "
            f"<span class=\"soft\">{text(setting_words(remedy.changes))}</span></li>"
            for remedy in finding.remedies if remedy.label not in told)
        told |= {remedy.label for remedy in finding.remedies}
        if tried:
            parts.append(f"<p>{text(finding.evidence)}</p><ul>{tried}</ul>")
    return "".join(parts)


# --- settings ------------------------------------------------------------------------------------


def _settings(reels: Sequence[Reel]) -> str:
    """Those in which the runs differ; of a single run, those that are not the defaults."""
    configs = [reel.snapshot.config for reel in reels]
    rows = differing(configs)
    if not rows:
        return "<p>Both runs have the same settings.</p>" if len(reels) > 1 else \
            "<p>All settings are the defaults.</p>"
    others = [reel.title for reel in reels[1:]] or ["Default"]
    alike = shared(configs)
    both = f"<p>Both runs have: {text(setting_words(alike))}.</p>" if alike else ""
    return table(Table(["Setting", reels[0].title, *others],
                       [list(map(text, row)) for row in rows], "Settings that differ")) + both


def _all_settings(reels: Sequence[Reel]) -> str:
    rows = all_settings([reel.snapshot.config for reel in reels])
    return folded("All settings", table(Table(
        ["Setting", *(reel.title for reel in reels)], [list(map(text, row)) for row in rows],
        "All settings")))


# --- pictures ------------------------------------------------------------------------------------


def _film(reels: Sequence[Reel], by_time: bool) -> str:
    """All sheets, one after another; whoever wants nothing that moves sees the last."""
    shown = [reel for reel in reels if reel.steps]
    if not shown or not reels[0].steps:
        return ""
    try:
        moving = film(shown, by_time, MOST_FILM)
        last = png(frame(shown, [max(reel.steps) for reel in shown]))
    except (StoreError, ValueError) as error:
        return f"<p>The film cannot be made: {text(_cause(error))}.</p>"
    first, end = reels[0].steps[0], reels[0].steps[-1]
    names = " beside ".join(reel.title for reel in shown)
    words = f"{names}: what G makes, from step {first} to step {end}"
    return folded(
        "Show or hide the film",
        f'<figure class="film{" one" if len(shown) == 1 else ""}"><picture>'
        f'<source media="(prefers-reduced-motion: reduce)" srcset="{data_address(last, "png")}">'
        f'<img src="{data_address(moving, "gif")}" alt="{text(words)}"></picture>'
        f"<figcaption>{text(words)}.</figcaption></figure>", opened=True)


def _cause(error: StoreError | ValueError) -> str:
    return (error.cause if isinstance(error, StoreError) else str(error)).rstrip(".")


def _sheets(reel: Reel) -> str:
    """The first, the middle and the last."""
    steps = reel.steps
    if not steps:
        return f"<p>{text(reel.title)} has no samples yet.</p>"
    chosen = dict.fromkeys([steps[0], steps[len(steps) // 2], steps[-1]])
    return (f'<h3>{text(reel.title)}</h3><div class="sheets">'
            f"{''.join(_sheet(reel, step) for step in chosen)}</div>")


def _sheet(reel: Reel, step: int) -> str:
    what = "64 images" if reel.snapshot.config.card.kind == "image" else "Points"
    try:
        picture = data_address(still(reel, step), "png")
    except StoreError as error:
        return f"<p>The samples of step {step} cannot be shown: {text(error.cause)}.</p>"
    return (f'<figure><img src="{picture}" alt="{what} that G makes at step {step}, '
            f'{text(reel.title)}"><figcaption>Step {whole(step)}</figcaption></figure>')


def _charts(reels: Sequence[Reel], by_time: bool, downloads: Path | None) -> str:
    drawn = chart_svgs(reels, by_time, downloads)
    if not drawn:
        return "<p>Nothing has been measured yet.</p>"
    figures = "".join(f"<figure>{svg}</figure>" for svg in drawn.values())
    return f'<div class="charts">{figures}</div>'


# --- how to repeat it ----------------------------------------------------------------------------


def _repeat(reels: Sequence[Reel], link: str, script: str) -> list[str]:
    opening = anchor(link, "Open in the app")
    parts = [f"<p>{opening}, with {'both runs' if len(reels) > 1 else 'this run'} where "
             f"{'they have' if len(reels) > 1 else 'it has'} been trained.</p>" if opening else ""]
    for reel in reels:
        parts.append(f"<h3>{text(reel.title)}</h3><p>On the command line:</p>"
                     f"<pre><code>{text(command(reel.snapshot.config))}</code></pre>")
    if script:
        parts.append(f"<p>As one PyTorch script, without this project: "
                     f"<code>{text(script[:120])}</code>.</p>")
    if any(on_a_gpu(reel.snapshot.status.device) for reel in reels):
        parts.append(f"<p>{text(OF_GPUS)}</p>")
    rows = [[words, *(text(value(reel.snapshot)) for reel in reels)]
            for words, value in _FACTS.items()]
    rows.append(["Version", *([VERSION] * len(reels))])
    parts.append(table(Table(["", *(reel.title for reel in reels)], rows, "Facts of the runs")))
    return parts


def _trained(snapshot: RunSnapshot) -> str:
    updated = snapshot.status.updated
    return datetime.fromtimestamp(updated, UTC).date().isoformat() if updated else "–"


_FACTS: dict[str, Callable[[RunSnapshot], object]] = {
    "Run": lambda snapshot: snapshot.config.digest(),
    "Seed": lambda snapshot: snapshot.config.seed,
    "Steps": lambda snapshot: whole(snapshot.status.step),
    "Training time": lambda snapshot: f"{snapshot.status.seconds:.1f} s",
    "Device": lambda snapshot: snapshot.status.device or "–",
    "Trained on": _trained,
}
