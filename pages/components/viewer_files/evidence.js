// What stands beside both sheets: the one thing that a page is about. A chart or the histogram of
// modes; D's scores of real images that it has trained on and of new ones; the time that both took.

const COMING_CARDS = "D's scores of single real images come with the first evaluation.";
const WITHOUT_CARDS = "D's scores of single images are not known of this run: it was made before "
  + "they were kept, on points, or D scores several images together.";
const CARDS = 10; // in a row: training images above, unseen ones below
const TURN = 60; // seconds in which a clock's hand goes round

// D's scores of twenty real images at an evaluation, of this run and its reference.
class ScoreCards {
  constructor(root) {
    this.root = root;
  }

  // `scored` holds of each run {training, unseen}: ten scores each.
  draw({ picture, scored, stamp, noun, waiting }) {
    const rows = [["training", `Training images: D has seen these ${noun}s`],
      ["unseen", `Unseen images: D has never seen these ${noun}s`]];
    if (!picture || !scored.this?.training) {
      this.root.replaceChildren(made("p", { className: "cards-note", 
        textContent: waiting ? COMING_CARDS : WITHOUT_CARDS }));
      return;
    }
    const parts = rows.flatMap(([kind, words], row) => [
      made("p", { className: "cards-title", textContent: words }),
      made("div", { className: "cards" },
        ...Array.from({ length: CARDS }, (_, at) => this.card(picture, row, at, kind, scored)))]);
    const note = made("p", { className: "cards-note" });
    note.textContent = `D's score under each, 1 = real${stamp}`
      + `${scored.reference?.training ? "; in brackets the reference's" : ""}`;
    this.root.replaceChildren(...parts, note);
  }

  card(picture, row, at, kind, scored) {
    const own = scored.this?.[kind]?.[at], other = scored.reference?.[kind]?.[at];
    const image = made("i", { className: "card-image" });
    image.style.backgroundImage = `url(${picture})`;
    image.style.backgroundPosition = `${(100 * at) / (CARDS - 1)}% ${100 * row}%`;
    const bar = made("b", { className: "card-bar" });
    bar.style.setProperty("--score", own ?? 0);
    const words = made("span", {}, own === undefined ? "–" : own.toFixed(2));
    if (other !== undefined) words.append(made("small", { textContent: ` (${other.toFixed(2)})` }));
    return made("div", { className: own < 0.5 ? "card rejected" : "card" }, image, bar, words);
  }
}

// How a sample is made and what comes back: z → G → sample → D → score, and below, as thick as it is
// large, the gradient by which G learns. A thickness is a power of ten.
const THINNEST = 1e-6, DECADE = 1.4; // a gradient that is drawn as a hair; pixels for each ten times

function signalStrip(svg, width, { score, gradient }) {
  const narrow = width < 560, number = score === null ? "–" : score.toFixed(2);
  const words = narrow ? ["z", "G", "sample", "D", number]
    : ["latent z", "G", "sample", "D", `score ${number}`];
  const at = [0.06, 0.29, 0.5, 0.71, 0.93].map((share) => share * width);
  const boxes = new Set(["G", "D"]), half = narrow ? 18 : 34, free = narrow ? 24 : 44;
  svg.setAttribute("viewBox", `0 0 ${width} 64`);
  svg.replaceChildren();
  words.forEach((word, place) => {
    if (boxes.has(word)) {
      svg.append(element("rect", { class: "network", x: at[place] - half, y: 4, width: 2 * half,
        height: 26, rx: 6 }));
    }
    svg.append(element("text", { x: at[place], y: 21, "text-anchor": "middle",
      class: boxes.has(word) ? "title" : "" }, word));
    if (place) {
      const from = at[place - 1] + free, to = at[place] - free - 2;
      svg.append(element("path", { class: "forward", d: `M${from} 17H${to}m-5 -4l5 4l-5 4` }));
    }
  });
  const thick = gradient > 0
    ? Math.max(0.4, DECADE * Math.log10(Math.max(gradient / THINNEST, 1))) : 0;
  const known = gradient !== null && gradient !== undefined;
  if (thick) {
    svg.append(element("path", { class: "back", "stroke-width": thick,
      d: `M${at[3]} 34V43H${at[1]}V36` }));
  }
  const said = !known ? "" : gradient === 0 ? "no gradient comes back to G"
    : `G's gradient ${written(gradient)}`;
  svg.append(element("text", { x: at[2], y: 61, "text-anchor": "middle" }, said));
  svg.setAttribute("aria-label", `${words.join(", then ")}. ${said}`);
}

// A dial whose hand goes round once a minute, and in words how long a run has trained.
function clock(title, seconds, step) {
  const angle = (2 * Math.PI * seconds) / TURN, [x, y] = [Math.sin(angle), -Math.cos(angle)];
  const dial = element("svg", { viewBox: "-1.2 -1.2 2.4 2.4", "aria-hidden": "true" },
    element("circle", { r: 1.1, class: "dial" }),
    element("path", { class: "passed", d: seconds >= TURN ? "M0 -1A1 1 0 1 1 -0.01 -1Z"
      : `M0 0V-1A1 1 0 ${angle > Math.PI ? 1 : 0} 1 ${x} ${y}Z` }),
    element("path", { class: "hand", d: `M0 0L${x} ${y}` }));
  const words = made("p", {}, bold(title), made("br"),
    `${seconds < 100 ? seconds.toFixed(1) : Math.round(seconds)} s · step ${step}`);
  return made("div", { className: "clock" }, dial, words);
}
