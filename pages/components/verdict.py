"""Snapshots in words: progress, verdict, and the difference between two runs; no Streamlit."""

from __future__ import annotations

from dataclasses import dataclass

from gan_core.config import RunConfig
from gan_core.diagnosis import THRESHOLDS, TITLES, Remedy, diagnose
from gan_core.records import EvalRecord, History
from gan_core.store import RunSnapshot


@dataclass(frozen=True)
class Verdict:
    """`tone` is one of info, success, warning, error."""

    tone: str
    text: str
    remedies: tuple[Remedy, ...] = ()


def progress(snapshot: RunSnapshot | None, recorded: bool) -> tuple[float, str]:
    """How far a run is, from 0 to 1, and in words."""
    if snapshot is None:
        return 0.0, "Not trained yet."
    status = snapshot.status
    share = min(1.0, status.step / status.steps) if status.steps else 0.0
    where = f"step {_whole(status.step)} of {_whole(status.steps)}"
    if recorded:
        return share, f"Recorded on {status.device} · {where} · {_seconds(status.seconds)}"
    if status.state == "queued":
        return share, f"Waiting for a free worker: place {snapshot.place} in the queue."
    if status.state == "starting":
        return share, "Starting …"
    words = [_state(snapshot), where]
    rate = status.steps_per_second if snapshot.live else status.step / max(status.seconds, 1e-9)
    if rate:
        words.append(f"{rate:.0f} steps/s")
    if status.state == "running" and status.seconds_left is not None:
        words.append(f"{_seconds(status.seconds_left)} left")
    elif status.state != "running":
        words.append(_seconds(status.seconds))
    return share, " · ".join([*words, *([status.device] if status.device else [])])


def _state(snapshot: RunSnapshot) -> str:
    status = snapshot.status
    if status.state == "stopped" and status.reason:
        return f"Stopped: {status.reason}"
    return {"running": "Training", "finished": "Finished", "stopped": "Stopped",
            "diverged": "Diverged", "failed": "Failed"}[status.state]


def judge(snapshot: RunSnapshot | None) -> Verdict:
    """The verdict on a run as it stands now, with its numbers."""
    if snapshot is None:
        return Verdict("info", "**Set the sliders and press Train.** The verdict will stand here.")
    status, history, config = snapshot.status, snapshot.history, snapshot.config
    if status.state == "failed":
        return Verdict("error", f"**The run failed.** {status.reason} Continue picks it up again.")
    findings = diagnose(history, config)
    if findings:
        first, *others = findings
        text = f"**{TITLES[first.symptom]}** since step {_whole(first.since)}. {first.evidence}"
        for other in others:
            text += f" Then: **{TITLES[other.symptom].lower()}** (step {_whole(other.since)})."
        tone = "error" if first.severity == "severe" else "warning"
        return Verdict(tone, text, first.remedies)
    last = history.evaluations[-1] if history.evaluations else None
    if last is None:
        return Verdict("info", "**Too early to tell.**")
    patience = THRESHOLDS["patience_steps"].value
    if snapshot.live and last.step < patience:
        return Verdict(
            "info",
            f"**Too early to tell.** {_quality(last, config)} Every generator begins with one "
            f"{config.card.mode_noun}; a verdict comes after {patience:g} steps.",
        )
    if last.step < patience:
        return Verdict("info", f"**Too short to tell.** {_quality(last, config)}")
    numbers = f"{_quality(last, config)} {_balance(history)}"
    if snapshot.live:
        return Verdict("info", f"**No failure so far.** {numbers}")
    return Verdict("success", f"**No failure found.** {numbers}")


def _quality(last: EvalRecord, config: RunConfig) -> str:
    metrics, noun = last.metrics, config.card.mode_noun
    words = f"G makes {metrics['modes']:.0f} of {metrics['modes_total']:.0f} {noun}s"
    if "frechet" in metrics:
        words += (
            f", {metrics['diversity']:.2f} times as far apart as real images; Fréchet distance "
            f"{metrics['frechet']:.0f}"
        )
    else:
        words += f"; {metrics['high_quality']:.0%} of the points lie within 3σ of a mode"
    return words + "."


def _balance(history: History) -> str:
    window = history.steps[-int(THRESHOLDS["window"].value):]
    if not window:
        return ""
    right = sum((step.accuracy_real + step.accuracy_fake) / 2 for step in window) / len(window)
    return f"D is right on {right:.0%} of real and generated examples."


def difference(this: RunSnapshot, reference: RunSnapshot) -> str:
    """What the change did to the result, "did not help" included; "" while either has none."""
    mine = this.history.evaluations[-1] if this.history.evaluations else None
    if mine is None or this.config.dataset != reference.config.dataset:
        return ""
    # Equal steps, where the reference has them: a longer run would be better for that alone.
    theirs = reference.history.evaluation_at(max(mine.step, 1))
    if theirs is None or not mine.step:
        return ""
    noun = this.config.card.mode_noun
    words = (
        f"At step {_whole(mine.step)}: **{mine.metrics['modes']:.0f} {noun}s, the reference has "
        f"{theirs.metrics['modes']:.0f}**"
    )
    name, label = ("frechet", "Fréchet distance") if "frechet" in mine.metrics else (
        "kl_uniform", "KL to uniform")
    words += f"; {label} {mine.metrics[name]:.3g} against {theirs.metrics[name]:.3g}"
    return f"{words}: {_judged(mine, theirs, name)}."


def _judged(mine: EvalRecord, theirs: EvalRecord, distance: str) -> str:
    modes = mine.metrics["modes"] - theirs.metrics["modes"]
    share = max(1, 0.1 * mine.metrics["modes_total"])
    ratio = mine.metrics[distance] / max(theirs.metrics[distance], 1e-12)
    if modes >= share and ratio <= 1.1:
        return "this run is better"
    if modes <= -share and ratio >= 0.9:
        return "this run is worse"
    if abs(modes) < share and ratio < 0.8:
        return "this run is better"
    if abs(modes) < share and ratio > 1.25:
        return "this run is worse"
    if abs(modes) < share:
        return "no clear difference"
    return "mixed: the two measures disagree"


def _whole(number: float) -> str:
    return f"{number:,.0f}".replace(",", " ")


def _seconds(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min"
