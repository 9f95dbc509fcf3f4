// Two to eight runs: their last sheets, and charts over one axis that share zoom, cursor and smoothing.
// All of that is this part's own: the page hears only of the smoothing, for its address.

const HALF_LIVES = [0, 5, 10, 20, 50, 100, 200, 500]; // steps, of the positions of the slider
const TOLD_AFTER = 400; // milliseconds that the slider rests before the page hears of it
const LEAST_DRAG = 6; // pixels; less is a press
const SMOOTHING = "An exponential moving average of the points that are drawn: a point so many steps "
  + "back counts half as much as the newest one. What was recorded stays behind it, pale. Values of "
  + "evaluations are not smoothed.";

class RunCharts {
  constructor(root) {
    this.root = root;
    this.find = (selector) => root.querySelector(selector);
    Object.assign(this, { hover: null, range: null, dragged: null });
  }

  take({ data, setTriggerValue }) {
    const before = this.data;
    Object.assign(this, { data, setTriggerValue });
    this.find("section").classList.toggle("large", data.projector);
    this.find("section").classList.toggle("many", data.runs.length > 4);
    const shape = JSON.stringify([data.charts.map(({ name }) => name), data.across, data.runs]);
    if (before?.across !== data.across || before?.end !== data.end) this.range = null;
    this.smoothing();
    this.find(".whole").onclick = () => this.zoom(null);
    if (shape !== this.shape) this.build();
    this.shape = shape;
    this.draw();
  }

  close() {
    clearTimeout(this.soon);
    clearTimeout(this.finer);
  }

  smoothing() {
    const label = this.find(".smoothing"), slider = label.querySelector("input");
    label.title = SMOOTHING;
    label.hidden = !this.data.charts.some(({ dots, lines }) => !dots && lines.some(({ at }) => at.length));
    slider.setAttribute("aria-label", "Smoothing: half-life in steps");
    if (this.halfLife === undefined) this.halfLife = this.data.half_life;
    const place = HALF_LIVES.findIndex((steps) => steps >= this.halfLife);
    slider.value = place < 0 ? HALF_LIVES.length - 1 : place;
    slider.oninput = () => {
      this.halfLife = HALF_LIVES[slider.value];
      this.say();
      this.draw();
      clearTimeout(this.soon);
      this.soon = setTimeout(() => this.setTriggerValue("smoothed", this.halfLife), TOLD_AFTER);
    };
    this.say();
  }

  say() {
    const words = this.halfLife ? `half-life ${this.halfLife} steps` : "none, as recorded";
    this.find(".smoothing span").textContent = `Smoothing: ${words}`;
    this.find(".smoothing input").setAttribute("aria-valuetext", words);
    this.find(".whole").hidden = !this.range;
    const zooming = this.find(".zooming");
    zooming.textContent = this.range ? "" : this.data.zooming;
    zooming.title = "By keyboard, in a chart: the arrows move the cursor, + and − zoom, Escape shows "
      + "the whole axis. A press on a name in the legend hides its line.";
  }

  // --- charts ------------------------------------------------------------------------------------

  build() {
    this.charts = this.data.charts.map((chart) => {
      const drawn = figure(`${chart.title} by ${this.data.across}`,
        (svg, size, news, own) => this.chart(svg, size, this.named(chart), own), (at) => this.point(at));
      const svg = drawn.querySelector("svg");
      this.listen(drawn, svg);
      return drawn;
    });
    this.find(".charts").replaceChildren(...this.charts);
  }

  // The curves of a chart as they are now: finer ones come for what is zoomed into.
  named({ name }) {
    return this.data.charts.find((chart) => chart.name === name);
  }

  draw() {
    this.say();
    for (const chart of this.charts) chart.redraw({});
  }

  point(at) {
    this.hover = at;
    this.draw();
  }

  // Drag to zoom in, double-press or Escape for the whole axis, Ctrl and the wheel for less or more.
  listen(holder, svg) {
    const place = (event) => holder.placeOf?.(event.clientX - svg.getBoundingClientRect().left);
    svg.tabIndex = 0;
    svg.addEventListener("pointerdown", (event) => {
      if (event.button !== 0 || event.target.closest(".switch")) return;
      svg.setPointerCapture(event.pointerId);
      this.dragged = { from: place(event), to: place(event), x: event.clientX };
    });
    svg.addEventListener("pointermove", (event) => {
      if (!this.dragged) return;
      this.dragged.to = place(event);
    });
    svg.addEventListener("pointerup", (event) => {
      if (!this.dragged) return; // a legend that is drawn anew in mid-press is not pressed
      const { from, to, x } = this.dragged;
      this.dragged = null;
      if (Math.abs(event.clientX - x) >= LEAST_DRAG) {
        this.zoom([Math.min(from, to), Math.max(from, to)]);
      } else this.draw();
    });
    svg.addEventListener("pointercancel", () => { this.dragged = null; });
    svg.addEventListener("dblclick", () => this.zoom(null));
    svg.addEventListener("wheel", (event) => {
      if (!event.ctrlKey && !event.metaKey) return; // or the page could not be scrolled
      event.preventDefault();
      this.scale(place(event), event.deltaY > 0 ? 1.25 : 0.8);
    }, { passive: false });
    svg.addEventListener("keydown", (event) => {
      const [low, high] = this.shown(), step = (high - low) / 40;
      const at = this.hover ?? (low + high) / 2;
      if (event.key === "ArrowLeft") this.point(Math.max(low, at - step));
      else if (event.key === "ArrowRight") this.point(Math.min(high, at + step));
      else if (event.key === "+") this.scale(at, 0.7);
      else if (event.key === "-") this.scale(at, 1.4);
      else if (event.key === "Escape") this.zoom(null);
      else return;
      event.preventDefault();
    });
  }

  shown() {
    return this.range ?? [0, this.data.end];
  }

  scale(at, factor) {
    const [low, high] = this.shown();
    this.zoom([at - (at - low) * factor, at + (high - at) * factor]);
  }

  zoom(range) {
    const { end } = this.data;
    if (range) range = [Math.max(0, range[0]), Math.min(end, range[1])];
    this.range = !range || range[1] - range[0] > 0.995 * end ? null
      : range[1] - range[0] < end / 1000 ? this.range : range;
    this.draw();
    if (!this.data.charts.some(({ thinned }) => thinned)) return;
    clearTimeout(this.finer);
    this.finer = setTimeout(() => this.setTriggerValue("zoomed", this.range ?? []), TOLD_AFTER);
  }

  chart(svg, size, chart, own) {
    const { runs } = this.data, [from, to] = this.shown();
    const there = runs.map((run, place) => ({ ...run, label: chart.lines[place].label ?? run.label, place }))
      .filter(({ place }) => chart.lines[place].at.length);
    // As many letters as a line of the legend has room for; two of many runs share one.
    const room = (size.width - 52) / (there.length > 4 ? 2 : 1) - 34;
    const tight = { ...size, letter: 0.85 * size.letter }; // of names, most letters are small ones
    const most = Math.max(16, Math.floor(room / (LETTER * tight.letter)));
    const box = frame(svg, tight, chart, there.map(({ letter, label, colour, place }) => ({
      words: shortened(`${letter} · ${label}`, most), colour, name: place, off: own.hidden.has(place),
    })), own.switched);
    const shown = there.filter(({ place }) => !own.hidden.has(place));
    const domain = chart.domain ?? domainOf(shown.map(({ place }) => chart.lines[place]), from, to, chart.log);
    there.forEach(({ dash }, entry) => svg.querySelectorAll(".switch path")[entry]
      ?.setAttribute("stroke-dasharray", dash));
    if (!domain) {
      svg.append(element("text", { class: "empty", x: box.left, y: (box.top + box.bottom) / 2 },
        there.length ? "Nothing to draw here." : "None of these runs has it."));
      return null;
    }
    const high = axis(domain, chart.log), right = (at) => across(box, (at - from) / (to - from));
    this.axes(svg, box, chart, domain, from, to);
    const inside = `inside-${chart.name}`;
    const drawn = element("g", { "clip-path": `url(#${inside})` });
    svg.append(element("clipPath", { id: inside }, element("rect", { x: box.left, y: box.top - 4,
      width: box.right - box.left + 4, height: box.bottom - box.top + 8 })), drawn);
    const told = [];
    for (const { place, letter, label, colour, dash } of shown) {
      const line = chart.lines[place], smooth = this.halfLife && !chart.dots
        ? smoothed(line, this.halfLife, this.data.steps_a_unit[place]) : null;
      const path = (values) => line.at.map((at, index) =>
        `${right(at).toFixed(1)} ${up(box, high(values[index])).toFixed(1)}`);
      if (line.low) {
        drawn.append(element("path", { class: "band", fill: colour,
          d: `M${path(line.high).join("L")}L${path(line.low).reverse().join("L")}Z` }));
      }
      if (smooth) {
        drawn.append(element("path", { class: "line recorded", stroke: colour, d: `M${path(line.value).join("L")}` }));
      }
      drawn.append(element("path", { class: "line data", stroke: colour, "stroke-dasharray": dash,
        d: `M${path(smooth ?? line.value).join("L")}` }));
      if (chart.dots) {
        for (const [index, at] of line.at.entries()) {
          drawn.append(element("circle", { cx: right(at), cy: up(box, high(line.value[index])), r: 2.4, fill: colour }));
        }
      }
      told.push({ letter, label, colour, line, values: smooth ?? line.value });
    }
    if (this.dragged) {
      const [one, other] = [this.dragged.from, this.dragged.to].map(right).sort((a, b) => a - b);
      svg.append(element("rect", { class: "dragged", x: one, y: box.top, width: other - one,
        height: box.bottom - box.top }));
    }
    cursors(svg, box, right, [null, this.hover], from, to);
    if (this.hover !== null) this.values(svg, box, told, right, high, from, to);
    own.rows = [["run", this.data.across, "value", "lowest", "highest"],
      ...told.flatMap(({ letter, label, line, values }) => line.at.map((at, index) =>
        [`${letter} · ${label}`, at, values[index], line.low?.[index] ?? "", line.high?.[index] ?? ""]))];
    const where = (x) => from + (to - from) * Math.min(1, Math.max(0, (x - box.left) / (box.right - box.left)));
    svg.parentNode.placeOf = (x) => where(x / (parseFloat(getComputedStyle(svg.parentNode)
      .getPropertyValue("--chart-scale")) || 1));
    return where;
  }

  axes(svg, box, chart, domain, from, to) {
    for (const value of ticks(domain, chart.log)) {
      const y = up(box, axis(domain, chart.log)(value));
      svg.append(element("path", { class: "grid", d: `M${box.left} ${y}H${box.right}` }),
        element("text", { x: box.left - 5, y: y + 4, "text-anchor": "end" }, written(value)));
    }
    for (const value of ticks([from, to], false)) {
      const share = (value - from) / (to - from);
      svg.append(element("text", { class: "along", x: across(box, share), y: box.bottom + 14,
        "text-anchor": share < 0.95 ? "middle" : "end" },
      Number(value.toPrecision(6)).toLocaleString("en").replaceAll(",", " ")));
    }
    svg.append(element("text", { x: (box.left + box.right) / 2, y: box.bottom + 29, "text-anchor": "middle" },
      this.data.across),
    element("text", { transform: `translate(10 ${(box.top + box.bottom) / 2}) rotate(-90)`,
      "text-anchor": "middle" }, chart.axis));
  }

  // The nearest value of each line, beside its entry of the legend.
  values(svg, box, told, right, high, from, to) {
    const entries = [...svg.querySelectorAll(".switch:not(.off) text")], at = this.hover;
    told.forEach(({ letter, colour, line, values }, index) => {
      const near = nearest(line.at, at);
      if (near < 0) return;
      if (at > line.at.at(-1) + this.data.end / 1000 || line.at[near] < from || line.at[near] > to) {
        if (entries[index]) entries[index].textContent = `${letter} –`; // it has ended, or no point of it is shown
        return;
      }
      svg.append(element("circle", { class: "near", cx: right(line.at[near]), cy: up(box, high(values[near])),
        r: 3.6, fill: colour }));
      if (entries[index]) entries[index].textContent = `${letter} ${written(values[near])}`;
    });
    const [note] = svg.querySelectorAll(".note"), unit = this.data.across === "step" ? "step" : "second";
    for (const other of svg.querySelectorAll(".note")) other.textContent = "";
    const place = unit === "step" ? Math.round(at) : Number(at.toPrecision(4));
    if (note) note.textContent = `${unit} ${place.toLocaleString("en").replaceAll(",", " ")}`;
  }
}

// --- last sheets -----------------------------------------------------------------------------------

class RunSheets {
  constructor(root) {
    this.root = root;
  }

  take({ data }) {
    const told = JSON.stringify(data.sheets);
    if (told === this.told) return;
    this.told = told;
    const sheets = this.root.querySelector(".run-sheets");
    sheets.style.setProperty("--columns", Math.min(4, data.sheets.length));
    sheets.classList.toggle("large", data.projector);
    sheets.replaceChildren(...data.sheets.map(sheetOf));
  }

  close() {}
}

function sheetOf({ title, verdict, words, address, step, ending, plane, line }) {
  const none = (why) => made("div", { className: "none", textContent: why });
  const url = pictureOf({ address }, "samples", step, ending);
  const shown = step === null ? none("No samples yet.")
    : plane ? made("canvas", { width: 600, height: 600 }) : made("img", { src: url, alt: words });
  if (plane && step !== null) {
    shown.setAttribute("role", "img");
    shown.setAttribute("aria-label", words);
    pointsOf(url)
      .then((points) => drawPlane(shown, points, null, plane, { grid: null, trail: [] }))
      .catch(() => shown.replaceWith(none("These samples cannot be shown just now.")));
  } else shown.onerror = () => shown.replaceWith(none("These samples cannot be shown just now."));
  return made("figure", {}, shown, made("figcaption", {},
    made("b", {}, sample(line), made("span", { textContent: title })),
    made("small", { textContent: verdict })));
}

const shortened = (label, most) => (label.length > most ? `${label.slice(0, most - 1)}…` : label);

// From the lowest to the highest value that is shown of some lines, with some air; null without any.
function domainOf(lines, from, to, log) {
  let low = Infinity, high = -Infinity;
  for (const { at, value, low: least, high: most } of lines) {
    for (let index = 0; index < at.length; index += 1) {
      // A line that passes through the range may have its points beside it.
      if ((at[index + 1] ?? at[index]) < from || (at[index - 1] ?? at[index]) > to) continue;
      low = Math.min(low, (least ?? value)[index]);
      high = Math.max(high, (most ?? value)[index]);
    }
  }
  if (low > high) return null;
  if (log) return [10 ** Math.floor(Math.log10(low)), 10 ** Math.ceil(Math.log10(high) + 1e-9)];
  const air = 0.05 * (high - low) || 0.05 * Math.max(Math.abs(high), 1);
  return [low === 0 ? 0 : low - air, high + air];
}

// The line of a run as it is drawn in the charts.
function sample({ colour, dash }) {
  return element("svg", { viewBox: "0 0 26 10", "aria-hidden": "true" },
    element("path", { d: "M1 5h24", stroke: colour, "stroke-width": 3, "stroke-dasharray": dash }));
}

// The place of the value that is nearest to `at` in a rising list; -1 in an empty one.
function nearest(list, at) {
  let low = 0, high = list.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (list[middle] < at) low = middle + 1;
    else high = middle;
  }
  return low > 0 && at - list[low - 1] < list[low] - at ? low - 1 : high;
}

// Each value counts half as much as one `halfLife` steps later; weights of the beginning are made up
// for, so that the first value is itself. `steps` is how many steps a unit of the axis has.
function smoothed({ at, value }, halfLife, steps) {
  let sum = 0, weight = 0;
  return value.map((now, index) => {
    const gap = index ? (at[index] - at[index - 1]) * steps : 0;
    const kept = 0.5 ** (gap / halfLife);
    sum = sum * kept + now;
    weight = weight * kept + 1;
    return sum / weight;
  });
}
