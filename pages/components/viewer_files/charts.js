// Charts as SVG: lines by step of both runs, and the share of samples of each mode.

const SVG = "http://www.w3.org/2000/svg";
const RUN_COLOURS = { this: "var(--words)", reference: "#8a8f98" };
const RUN_WORDS = { this: "this run", reference: "reference" };
const MODES = "#9a5fc4";
const LETTER = 6.2 / 16; // width of a letter of a legend, about, ÷ the size of the page's own

function element(name, attributes = {}, ...content) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...content);
  return made;
}

const written = (value) => Math.abs(value) >= 1e4 || (value !== 0 && Math.abs(value) < 1e-3)
  ? value.toExponential(0) : String(Number(value.toPrecision(3)));

// Places from 0 to 1 on an axis; values beyond it lie on its edge.
function axis([low, high], log) {
  const of = log ? Math.log10 : (value) => value;
  return (value) => Math.min(1, Math.max(0, (of(Math.max(value, log ? low : -Infinity)) - of(low))
    / (of(high) - of(low))));
}

function ticks([low, high], log) {
  if (log) {
    const [first, last] = [Math.ceil(Math.log10(low)), Math.floor(Math.log10(high))];
    const every = last - first < 5 ? 1 : 2;
    const powers = [];
    for (let power = first; power <= last; power += every) powers.push(10 ** power);
    return powers;
  }
  const rough = (high - low) / 4, power = 10 ** Math.floor(Math.log10(rough));
  const step = power * [1, 2, 5, 10].find((factor) => factor * power >= rough);
  const found = [];
  for (let at = Math.ceil(low / step) * step; at <= high + step / 1e6; at += step) found.push(at);
  return found;
}

// The frame of a chart in `size`: title, note, legend, axes. Returns where data are drawn. A press
// on an entry of the legend that has a `name` tells `switched(name)`.
function frame(svg, size, { title, note }, legend, switched = null) {
  const letter = LETTER * size.letter, lines = wrapped(note, size.width / (0.95 * letter));
  svg.append(element("text", { class: "title", x: 0, y: 14 }, title));
  lines.forEach((words, line) =>
    svg.append(element("text", { class: "note", x: 0, y: 30 + 14 * line }, words)));
  const left = Math.min(52, 0.16 * size.width + 8);
  let x = left, y = 30 + 14 * lines.length;
  for (const { words, colour, dashed, name, off } of legend) {
    const width = 24 + letter * words.length;
    if (x > left && x + width > size.width) [x, y] = [left, y + 15];
    const entry = element("g", name === undefined ? {} : { class: off ? "switch off" : "switch" },
      element("path", { d: `M${x} ${y}h16`, stroke: colour, "stroke-width": 2.5,
        ...(dashed ? { "stroke-dasharray": "4 3" } : {}) }),
      element("text", { x: x + 20, y: y + 4 }, words));
    if (name !== undefined) entry.addEventListener("click", () => switched(name));
    svg.append(entry);
    x += width + 10;
  }
  return { left: 52, right: size.width - 8, top: y + 14, bottom: size.height - 34 };
}

// Words in at most two lines of about so many letters.
function wrapped(words, letters) {
  if (words.length <= letters) return [words];
  const at = words.lastIndexOf(" ", letters);
  return [words.slice(0, at), words.slice(at + 1)];
}

const across = (box, share) => box.left + share * (box.right - box.left);
const up = (box, share) => box.bottom - share * (box.bottom - box.top);

function axes(svg, box, chart, end) {
  for (const value of ticks(chart.domain, chart.log)) {
    const y = up(box, axis(chart.domain, chart.log)(value));
    svg.append(element("path", { class: "grid", d: `M${box.left} ${y}H${box.right}` }),
      element("text", { x: box.left - 5, y: y + 4, "text-anchor": "end" }, written(value)));
  }
  stepAxis(svg, box, chart, end);
  svg.append(
    element("text", { transform: `translate(10 ${(box.top + box.bottom) / 2}) rotate(-90)`,
      "text-anchor": "middle" }, chart.axis));
}

function stepAxis(svg, box, chart, end) {
  for (const value of ticks([0, end], false)) {
    svg.append(element("text", { x: across(box, value / end), y: box.bottom + 14,
      "text-anchor": value < 0.95 * end ? "middle" : "end" },
    value.toLocaleString("en").replaceAll(",", " ")));
  }
  svg.append(element("text", { x: (box.left + box.right) / 2, y: box.bottom + 29,
    "text-anchor": "middle" }, chart.across));
}

// The moment that is shown, and the place under the pointer, as lines.
function cursors(svg, box, right, [shown, hover], from, end) {
  for (const [at, name] of [[shown, "now"], [hover, "under"]]) {
    if (at === null || at < from || at > end) continue;
    svg.append(element("path", { class: name, d: `M${right(at)} ${box.top}V${box.bottom}` }));
  }
}

// What a chart is drawn of: the feeds of the runs, the moment that is `shown` and the one under the
// pointer, null for none; where the axis ends, and where a step of a feed is on it.
function drawLines(svg, size, chart, { feeds, shown, hover, end, place: across_ }, chartsOwn) {
  const names = Object.keys(feeds), { hidden, switched } = chartsOwn;
  const legend = chart.by_run
    ? names.map((run) => ({ words: RUN_WORDS[run], colour: RUN_COLOURS[run],
      dashed: run === "reference", name: run, off: hidden.has(run) }))
    : chart.series.map(({ label, colour, metric }) =>
      ({ words: label, colour, name: metric, off: hidden.has(metric) }));
  if (!chart.by_run && names.includes("reference")) {
    legend.push({ words: "dashed: reference", colour: "none" });
  }
  const box = frame(svg, size, chart, legend, switched);
  const from = chart.by_time ? 0 : chart.origin, length = Math.max(1e-9, end - from);
  axes(svg, box, chart, length);
  const high = axis(chart.domain, chart.log), right = (at) => across(box, (at - from) / length);
  for (const value of chart.rules) {
    svg.append(element("path", { class: "rule", d: `M${box.left} ${up(box, high(value))}`
      + `H${box.right}` }));
  }
  markSteps(svg, box, chart, end, right);
  const told = [];
  for (const run of names.filter((name) => !hidden.has(name))) {
    for (const series of chart.series.filter(({ metric }) => !hidden.has(metric))) {
      const colour = chart.by_run ? RUN_COLOURS[run] : series.colour;
      const points = pointsOfLine(feeds[run], chart, series.metric, (step) => across_(run, step))
        .filter(([at]) => at >= from && at <= end);
      drawLine(svg, points.map(([at, value]) => [right(at), up(box, high(value))]), colour, run,
        chart.dots);
      told.push({ run, series, points, colour });
    }
  }
  cursors(svg, box, right, [shown, hover], from, end);
  chartsOwn.rows = [["run", "series", chart.by_time ? "seconds" : "step", "value"],
    ...told.flatMap(({ run, series, points }) => points.map(([at, value]) =>
      [RUN_WORDS[run], series.label, at, value]))];
  if (hover !== null) sayValues(svg, box, chart, told, hover, { right, high });
  return (x) => from + length * Math.min(1, Math.max(0, (x - box.left) / (box.right - box.left)));
}

// The values nearest to the pointer, in place of the chart's note.
function sayValues(svg, box, chart, told, hover, { right, high }) {
  const words = [];
  for (const { run, series, points, colour } of told) {
    if (!points.length) continue;
    const near = points.reduce((best, point) =>
      (Math.abs(point[0] - hover) < Math.abs(best[0] - hover) ? point : best));
    svg.append(element("circle", { class: "near", cx: right(near[0]), cy: up(box, high(near[1])),
      r: 3.4, fill: colour }));
    const label = chart.by_run ? RUN_WORDS[run]
      : `${series.label}${run === "reference" ? ", reference" : ""}`;
    words.push(`${label} ${written(near[1])}`);
  }
  const at = chart.by_time ? `${hover.toFixed(1)} s` : `step ${Math.round(hover - chart.origin)}`;
  const [first, ...others] = svg.querySelectorAll(".note");
  first.textContent = [at, ...words].join(" · ");
  for (const line of others) line.textContent = "";
}

function pointsOfLine(feed, { source }, metric, place) {
  const table = feed[source], values = table[metric] ?? [], points = [];
  table.step.forEach((step, at) => {
    const value = values[at];
    if (value !== null && value !== undefined) points.push([place(step), value]);
  });
  return points;
}

function drawLine(svg, points, colour, run, dots) {
  if (!points.length) return;
  const path = points.map(([x, y]) => `${x.toFixed(1)} ${y.toFixed(1)}`).join("L");
  svg.append(element("path", { class: `line data ${run}`, d: `M${path}`, stroke: colour }));
  if (!dots) return;
  for (const [cx, cy] of points) svg.append(element("circle", { cx, cy, r: 2.6, fill: colour }));
}

function markSteps(svg, box, { marks, origin, by_time: byTime }, end, right) {
  if (byTime) return; // a change has a step, and no second that both runs share
  marks.filter(([step]) => step >= origin && step <= end).forEach(([step, words], row) => {
    const x = right(step), beyond = x > box.left + 0.7 * (box.right - box.left);
    svg.append(element("path", { class: "rule", d: `M${x} ${box.top}V${box.bottom}` }),
      element("text", { class: "mark-words", x: x + (beyond ? -4 : 4),
        y: box.top + 11 + 13 * (row % 3), "text-anchor": beyond ? "end" : "start" }, words));
  });
}

// --- which modes, over time ----------------------------------------------------------------------

const KEY = [0.01, 0.1, 0.25, 0.5, 1]; // shares in the legend

// One row a mode, the darker the more samples; what an evaluation found reaches halfway to the ones
// before and after it. Not by lightness: nothing must look like nothing on white and on near-black.
function drawRotation(svg, size, chart, { feeds, shown, hover, end, place }, own) {
  const { modes, noun, origin } = chart, feed = feeds.this;
  const box = frame(svg, size, chart, []);
  KEY.forEach((share, at) => svg.append(
    element("rect", { x: box.left + 58 * at, y: 36, width: 12, height: 12, fill: MODES,
      opacity: Math.sqrt(share) }),
    element("text", { x: box.left + 58 * at + 16, y: 46 }, `${100 * share}%`)));
  const row = (box.bottom - box.top) / modes, every = modes > 12 ? 5 : 1;
  for (let mode = 0; mode < modes; mode += every) {
    svg.append(element("text", { x: box.left - 6, y: box.top + (mode + 0.5) * row + 4,
      "text-anchor": "end" }, mode));
  }
  const right = (at) => across(box, (at - origin) / Math.max(1e-9, end - origin));
  stepAxis(svg, box, chart, end - origin);
  own.rows = [["step", noun, "share"]];
  const steps = feed?.evaluations.step ?? [], drawn = feed?.evaluations.drawn ?? [];
  const places = steps.map((step) => Math.min(end, place("this", step)));
  steps.forEach((step, at) => {
    const from = right(at ? (places[at - 1] + places[at]) / 2 : places[at]);
    const to = right(at < steps.length - 1 ? (places[at] + places[at + 1]) / 2 : places[at]);
    (drawn[at] ?? []).forEach((share, mode) => {
      own.rows.push([step, mode, share]);
      if (share > 0 && to > from) {
        svg.append(element("rect", { class: "data", x: from, y: box.top + mode * row,
          width: to - from, height: row, fill: MODES, opacity: Math.sqrt(share) }));
      }
    });
  });
  markSteps(svg, box, chart, end, right);
  cursors(svg, box, right, [shown, hover], origin, end);
  if (hover !== null && steps.length) {
    const near = placeAt(places, hover), told = drawn[Math.max(0, near)] ?? [];
    const most = told.map((share, mode) => [share, mode]).sort(([a], [b]) => b - a).slice(0, 3);
    svg.querySelector(".note").textContent = `step ${steps[Math.max(0, near)]} · `
      + most.map(([share, mode]) => `${noun} ${mode}: ${(100 * share).toFixed(1)} %`).join(" · ");
  }
  return (x) => origin + (end - origin)
    * Math.min(1, Math.max(0, (x - box.left) / (box.right - box.left)));
}

// --- the histogram -------------------------------------------------------------------------------

const SHARES = [0, 0.01, 0.1, 0.25, 0.5, 1]; // on a square-root axis

// `evaluated` holds of each run the shares of its modes and the rest, or null where it knows none.
function drawHistogram(svg, size, { title, note, modes, noun }, evaluated, own) {
  const runs = Object.keys(evaluated);
  const rest = runs.some((run) => evaluated[run].rest !== null);
  const box = frame(svg, size, { title, note },
    runs.map((run) => ({ words: RUN_WORDS[run], colour: RUN_COLOURS[run] })));
  box.bottom += rest ? 2 : 6; // two lines of words
  for (const share of SHARES) {
    const y = up(box, Math.sqrt(share));
    svg.append(element("path", { class: "grid", d: `M${box.left} ${y}H${box.right}` }),
      element("text", { x: box.left - 5, y: y + 4, "text-anchor": "end" }, `${100 * share}%`));
  }
  const even = up(box, Math.sqrt(1 / modes)), count = modes + (rest ? 1.4 : 0);
  const width = (box.right - box.left) / count;
  for (let mode = 0; mode <= modes; mode += 1) {
    const isRest = mode === modes;
    if (isRest && !rest) break;
    const left = box.left + width * (mode + (isRest ? 0.3 : 0));
    runs.forEach((run, at) => {
      const share = isRest ? evaluated[run].rest : evaluated[run].shares[mode];
      if (share === null || share === undefined) return;
      const y = up(box, Math.sqrt(Math.min(1, Math.max(0, share)))), bar = (0.8 * width) / runs.length;
      svg.append(element("path", { class: "data", fill: RUN_COLOURS[run],
        d: `M${left + 0.1 * width + at * bar} ${box.bottom}V${y}h${bar}V${box.bottom}z` },
      element("title", {}, `${RUN_WORDS[run]}, ${isRest ? `no ${noun}` : `${noun} ${mode}`}: `
        + `${(100 * share).toFixed(1)} %`)));
    });
    const x = left + width / 2, lines = isRest ? ["no", noun] : [mode];
    if (!isRest && modes > 12 && mode % 5) continue;
    lines.forEach((words, line) => svg.append(element("text",
      { x, y: box.bottom + 14 + 12 * line, "text-anchor": "middle" }, words)));
  }
  svg.append(element("path", { class: "rule", d: `M${box.left} ${even}H${box.right}` }));
  own.rows = [["run", noun, "share"], ...runs.flatMap((run) => [
    ...evaluated[run].shares.map((share, mode) => [RUN_WORDS[run], mode, share]),
    ...(rest ? [[RUN_WORDS[run], `no ${noun}`, evaluated[run].rest]] : [])])];
}

// A figure that is drawn anew into what room it has; `words` say what it shows. The style
// `--chart-scale` enlarges it with its letters and lines. `draw` may answer where on its axis a
// place x is: then the pointer over it is told to `pointed`, null where it leaves.
function figure(words, draw, pointed = null) {
  const svg = element("svg", { role: "img", "aria-label": words });
  const holder = made("figure", { className: "chart" }, svg);
  let inSight = true, late = false;
  const own = { rows: [], hidden: new Set(), switched: (name) => {
    if (!own.hidden.delete(name)) own.hidden.add(name);
    holder.redraw();
  } };
  let where = null, scale = 1;
  holder.redraw = (...news) => {
    if (news.length) holder.news = news;
    late = !inSight; // what nobody sees is drawn when it comes into sight
    if (late || !holder.news || !holder.clientWidth) return;
    scale = parseFloat(getComputedStyle(holder).getPropertyValue("--chart-scale")) || 1;
    const size = { width: holder.clientWidth / scale, height: holder.clientHeight / scale,
      letter: parseFloat(getComputedStyle(document.documentElement).fontSize) };
    svg.setAttribute("viewBox", `0 0 ${size.width} ${size.height}`);
    svg.replaceChildren();
    where = draw(svg, size, ...holder.news, own);
  };
  if (pointed) {
    svg.addEventListener("pointermove", (event) => {
      const x = (event.clientX - svg.getBoundingClientRect().left) / scale;
      if (where) pointed(where(x));
    });
    svg.addEventListener("pointerleave", () => pointed(null));
  }
  holder.append(saveMenu(svg, () => own.rows, words));
  new ResizeObserver(() => holder.redraw()).observe(holder);
  new IntersectionObserver(([{ isIntersecting }]) => {
    inSight = isIntersecting;
    if (inSight && late) holder.redraw();
  }, { rootMargin: "200px" }).observe(holder);
  return holder;
}
