// Charts as SVG: lines by step of both runs, and the share of samples of each mode.

const SVG = "http://www.w3.org/2000/svg";
const RUN_COLOURS = { this: "#2a9d72", reference: "#8a8f98" };
const RUN_WORDS = { this: "this run", reference: "reference" };
const LETTER = 6.2 / 16; // width of a letter of a legend, about, in units of the page's own

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

// The frame of a chart in `size`: title, note, legend, axes. Returns where data are drawn.
function frame(svg, size, { title, note }, legend) {
  const box = { left: 52, right: size.width - 8, top: 58, bottom: size.height - 34 };
  svg.append(element("text", { class: "title", x: 0, y: 14 }, title),
    element("text", { class: "note", x: 0, y: 30 }, note));
  // Large type for a projector makes the page's letters larger, and a chart's with them.
  const letter = LETTER * parseFloat(getComputedStyle(document.documentElement).fontSize);
  let x = box.left;
  for (const [words, colour, dashed] of legend) {
    svg.append(element("path", { d: `M${x} 44h16`, stroke: colour, "stroke-width": 2.5,
      ...(dashed ? { "stroke-dasharray": "4 3" } : {}) }),
    element("text", { x: x + 20, y: 48 }, words));
    x += 34 + letter * words.length;
  }
  return box;
}

const across = (box, share) => box.left + share * (box.right - box.left);
const up = (box, share) => box.bottom - share * (box.bottom - box.top);

function axes(svg, box, chart, end) {
  for (const value of ticks(chart.domain, chart.log)) {
    const y = up(box, axis(chart.domain, chart.log)(value));
    svg.append(element("path", { class: "grid", d: `M${box.left} ${y}H${box.right}` }),
      element("text", { x: box.left - 5, y: y + 4, "text-anchor": "end" }, written(value)));
  }
  for (const value of ticks([0, end], false)) {
    svg.append(element("text", { x: across(box, value / end), y: box.bottom + 14,
      "text-anchor": value < 0.95 * end ? "middle" : "end" },
    value.toLocaleString("en").replaceAll(",", " ")));
  }
  svg.append(
    element("text", { x: (box.left + box.right) / 2, y: box.bottom + 29, "text-anchor": "middle" },
      chart.across),
    element("text", { transform: `translate(10 ${(box.top + box.bottom) / 2}) rotate(-90)`,
      "text-anchor": "middle" }, chart.axis));
}

function drawLines(svg, size, chart, feeds, shown) {
  const names = Object.keys(feeds);
  const legend = chart.by_run
    ? names.map((run) => [RUN_WORDS[run], RUN_COLOURS[run], run === "reference"])
    : chart.series.map(({ label, colour }) => [label, colour, false]);
  if (!chart.by_run && names.includes("reference")) legend.push(["dashed: reference", "none"]);
  const box = frame(svg, size, chart, legend), end = Math.max(1, chart.steps - chart.origin);
  axes(svg, box, chart, end);
  const place = axis(chart.domain, chart.log);
  for (const value of chart.rules) {
    svg.append(element("path", { class: "rule", d: `M${box.left} ${up(box, place(value))}`
      + `H${box.right}` }));
  }
  markSteps(svg, box, chart, end);
  for (const run of names) {
    for (const series of chart.series) {
      const colour = chart.by_run ? RUN_COLOURS[run] : series.colour;
      const points = pointsOfLine(feeds[run], chart, series.metric, end)
        .map(([step, value]) => [across(box, step / end), up(box, place(value))]);
      drawLine(svg, points, colour, run, chart.dots);
    }
  }
  if (shown !== null && shown >= chart.origin) {
    const x = across(box, Math.min(1, (shown - chart.origin) / end));
    svg.append(element("path", { class: "now", d: `M${x} ${box.top}V${box.bottom}` }));
  }
}

function pointsOfLine(feed, { source, origin }, metric, end) {
  const table = feed[source], values = table[metric] ?? [], points = [];
  table.step.forEach((step, at) => {
    const value = values[at];
    if (value !== null && value !== undefined && step >= origin && step - origin <= end) {
      points.push([step - origin, value]);
    }
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

function markSteps(svg, box, { marks, origin }, end) {
  marks.map(([step, words]) => [step - origin, words]).filter(([step]) => step >= 0 && step <= end)
    .forEach(([step, words], row) => {
      const x = across(box, step / end), beyond = step > 0.7 * end;
      svg.append(element("path", { class: "rule", d: `M${x} ${box.top}V${box.bottom}` }),
        element("text", { class: "mark-words", x: x + (beyond ? -4 : 4),
          y: box.top + 11 + 13 * (row % 3), "text-anchor": beyond ? "end" : "start" }, words));
    });
}

// --- the histogram -------------------------------------------------------------------------------

const SHARES = [0, 0.01, 0.1, 0.25, 0.5, 1]; // on a square-root axis

// `evaluated` holds of each run the shares of its modes and the rest, or null where it knows none.
function drawHistogram(svg, size, { title, note, modes, noun }, evaluated) {
  const runs = Object.keys(evaluated);
  const rest = runs.some((run) => evaluated[run].rest !== null);
  const box = frame(svg, size, { title, note },
    runs.map((run) => [RUN_WORDS[run], RUN_COLOURS[run], false]));
  box.bottom += 6;
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
}

// A figure that is drawn anew into what room it has; `words` say what it shows.
function figure(words, draw) {
  const svg = element("svg", { role: "img", "aria-label": words });
  const made = Object.assign(document.createElement("figure"), { className: "chart" });
  made.append(svg);
  made.redraw = (...news) => {
    if (news.length) made.news = news;
    const size = { width: made.clientWidth, height: made.clientHeight };
    if (!made.news || !size.width) return;
    svg.setAttribute("viewBox", `0 0 ${size.width} ${size.height}`);
    svg.replaceChildren();
    draw(svg, size, ...made.news);
  };
  new ResizeObserver(() => made.redraw()).observe(made);
  return made;
}
