"""The HTML of reports: a page that opens anywhere, without network and without scripts.

Styles are inline, pictures are data, and the page's own policy forbids everything else. Whatever
comes from elsewhere is written with `text`, which leaves no markup in it.
"""

from __future__ import annotations

import base64
import html
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from gan_core.export.charts.svg import CONTROLS

POLICY = ("default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; "
          "form-action 'none'")
_MARKED = re.compile(r"(\*\*.+?\*\*|\*[^*\s][^*]*\*|`[^`]+`|\$[^$]+\$)")
_ADDRESS = re.compile(r"https?://[^\s<>\"']{1,20000}")

STYLE = """
:root { color-scheme: light dark; --paper: #ffffff; --ink: #31333f; --soft: #5f6368;
  --line: #d5d8dc; --rule: #7b8089; --box: #f4f5f7; --link: #0b4a8f; }
@media (prefers-color-scheme: dark) {
  :root { --paper: #0e1117; --ink: #fafafa; --soft: #a9adb3; --line: #3b3f47; --rule: #8a8f98;
    --box: #1b1f27; --link: #8fc0ff; }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); line-height: 1.5;
  font: 1rem/1.5 system-ui, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif; }
header, main, footer { max-width: 74rem; margin: 0 auto; padding: 0 1.2rem; }
header { padding-top: 1.2rem; }
h1 { font-size: 1.9rem; line-height: 1.2; margin: 0 0 .4rem; }
h2 { font-size: 1.35rem; margin: 2rem 0 .6rem; }
h3 { font-size: 1.05rem; margin: 1rem 0 .3rem; }
p, ul, pre { margin: .4rem 0; }
a { color: var(--link); overflow-wrap: anywhere; }
footer { padding-bottom: 2rem; color: var(--soft); font-size: .9rem; }
.soft, figcaption { color: var(--soft); }
.question { font-size: 1.15rem; max-width: 60rem; }
.verdict { padding: .7rem 1rem; border-radius: .5rem; }
.verdict .name { font-size: 1.3rem; font-weight: 700; margin: 0; }
.verdict + .verdict { margin-top: .6rem; }
.info { background: #e8f1fb; color: #0b4a8f; }
.success { background: #e6f4ea; color: #12592c; }
.warning { background: #fff6dd; color: #6b4c00; }
.error { background: #fdeaea; color: #8a1b1b; }
@media (prefers-color-scheme: dark) {
  .info { background: #14283f; color: #c3dcf8; }
  .success { background: #12301e; color: #bfe8cc; }
  .warning { background: #38300f; color: #f7e6b0; }
  .error { background: #401b1d; color: #f8c9c9; }
}
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; vertical-align: top; padding: .3rem .8rem .3rem 0;
  border-bottom: 1px solid var(--line); overflow-wrap: break-word; }
th small { display: block; font-weight: 400; font-size: .9rem; color: var(--soft);
  max-width: 46rem; }
thead th { color: var(--soft); font-weight: 600; }
tbody th { font-weight: 600; }
.wide { overflow-x: auto; }
.wide + .wide { margin-top: 1rem; }
.wide:focus-visible, summary:focus-visible, a:focus-visible {
  outline: 3px solid var(--link); outline-offset: 2px; }
details { margin: .6rem 0; }
summary { cursor: pointer; padding: .2rem 0; }
figure { margin: 0; }
img { display: block; max-width: 100%; height: auto; border-radius: 4px; }
.film img { width: 100%; max-width: 958px; }
.film.one img { max-width: 462px; }
.sheets { display: grid; grid-template-columns: repeat(3, minmax(0, 1fr)); gap: 1rem; }
.sheets img { width: 100%; image-rendering: pixelated; }
.charts { display: grid; grid-template-columns: repeat(2, minmax(0, 1fr)); gap: 1.2rem; }
svg.chart { display: block; width: 100%; height: auto; }
svg .paper { fill: var(--paper); }
svg :is(.fill.ink, .fill.this) { fill: var(--ink); }
svg .fill.note { fill: var(--soft); }
svg .fill.reference { fill: var(--rule); }
svg :is(.line.ink, .line.this) { stroke: var(--ink); }
svg .line.note { stroke: var(--soft); }
svg .line.grid { stroke: var(--line); }
svg :is(.line.rule, .line.reference) { stroke: var(--rule); }
pre { background: var(--box); padding: .7rem .9rem; border-radius: .4rem; white-space: pre-wrap;
  overflow-wrap: anywhere; }
code { font-family: ui-monospace, Menlo, Consolas, monospace; font-size: .92em; }
@media (max-width: 640px) {
  .charts { grid-template-columns: minmax(0, 1fr); }
  .sheets { gap: .5rem; }
  h1 { font-size: 1.6rem; }
}
@media print {
  :root { --paper: #ffffff; --ink: #000000; --soft: #444444; --line: #cccccc; --link: #000000;
    --box: #f4f5f7; }
  .film { display: none; }
  figure, tr, .verdict { break-inside: avoid; }
  h2, h3 { break-after: avoid; }
}
"""


@dataclass(frozen=True)
class Table:
    """Rows of a table, whose first cell names each; cells are HTML, but for those of `head`."""

    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    label: str  # what it is called where it has to be scrolled


def document(title: str, head: str, body: Iterable[str], foot: str) -> str:
    """A whole file; `head`, `body` and `foot` are HTML."""
    return "\n".join([
        "<!DOCTYPE html>", '<html lang="en">', "<head>", '<meta charset="utf-8">',
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        '<meta name="referrer" content="no-referrer">',
        f"<title>{text(title)}</title>", f"<style>{STYLE}</style>", "</head>", "<body>",
        f"<header>{head}</header>", "<main>", *body, "</main>", f"<footer>{foot}</footer>",
        "</body>", "</html>", ""])


def text(words: object) -> str:
    """Words without any markup in them."""
    return html.escape(str(words).translate(CONTROLS), quote=True)


def marked(words: str) -> str:
    """Words with **strong**, *emphasis*, `code` and $formula$; nothing else is read as markup."""
    return "".join(map(_part, _MARKED.split(words)))


def _part(part: str) -> str:
    if part.startswith("**") and len(part) > 4:
        return f"<strong>{text(part[2:-2])}</strong>"
    if part.startswith("`") and len(part) > 2:
        return f"<code>{text(part[1:-1])}</code>"
    if part[:1] in ("*", "$") and len(part) > 2 and part.endswith(part[0]):
        return f"<em>{text(part[1:-1])}</em>"
    return text(part)


def paragraphs(markdown: str) -> str:
    """Paragraphs and lists of `markdown`, the kind that the pages' lessons are written in."""
    parts, items = [], []
    for block in re.split(r"\n\s*\n|\n(?=- )", markdown.strip()):
        words = marked(" ".join(block.split()))
        if block.lstrip().startswith("- "):
            items.append(f"<li>{words.removeprefix('- ')}</li>")
            continue
        if items:
            parts.append(f"<ul>{''.join(items)}</ul>")
            items = []
        parts.append(f"<p>{words}</p>")
    if items:
        parts.append(f"<ul>{''.join(items)}</ul>")
    return "\n".join(parts)


def section(title: str, *parts: str) -> str:
    """A part of the page with its heading; nothing where it has no content."""
    content = [part for part in parts if part]
    return "\n".join(["<section>", f"<h2>{text(title)}</h2>", *content, "</section>"]) \
        if content else ""


def table(made: Table) -> str:
    """Nothing where there is no row."""
    if not made.rows:
        return ""
    head = "".join(f'<th scope="col">{text(words)}</th>' for words in made.head)
    rows = "".join(
        f'<tr><th scope="row">{first}</th>{"".join(f"<td>{cell}</td>" for cell in rest)}</tr>'
        for first, *rest in made.rows)
    return (f'<div class="wide" role="region" aria-label="{text(made.label)}" tabindex="0">'
            f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>")


def folded(summary: str, *parts: str, opened: bool = False) -> str:
    """A part that opens with a click."""
    content = [part for part in parts if part]
    if not content:
        return ""
    return (f"<details{' open' if opened else ''}><summary>{text(summary)}</summary>"
            f"{''.join(content)}</details>")


def data_address(content: bytes, kind: str) -> str:
    """The picture itself as an address."""
    return f"data:image/{kind};base64,{base64.b64encode(content).decode()}"


def anchor(address: str, words: str) -> str:
    """A link to a page of the web; nothing where it would lead anywhere else."""
    if not _ADDRESS.fullmatch(address):
        return ""
    return f'<a href="{text(address)}" rel="noopener noreferrer">{text(words)}</a>'
