// The viewer: progress and verdict of the run on the left, both runs' samples at one step, their
// charts. What it shows comes from the feeds of both runs and from one number, the shown step; null
// is the newest. Streamlit hears of four things: a step that was looked back to, a run that ended, a
// change that its buttons must follow, and that the other charts are due.

class Viewer {
  constructor(root) {
    this.root = root;
    this.shown = null;
    this.feeds = {}; // "this", "reference" -> Feed
    this.update = () => this.render();
    this.find = (selector) => root.querySelector(selector);
  }

  // What the page says: which runs, and the words that only it knows.
  take({ data, setStateValue, setTriggerValue }) {
    Object.assign(this, { data, setStateValue, setTriggerValue });
    if (this.steps !== data.look_back.key) [this.steps, this.shown] = [data.look_back.key, null];
    const before = this.feeds;
    this.feeds = {};
    for (const [name, run] of Object.entries(data.runs)) {
      if (run) this.feeds[name] = feedOf({ ...run, metrics: data.metrics, viewer: data.viewer });
    }
    if (before.this !== this.feeds.this) this.news = "";
    const now = Object.values(this.feeds);
    for (const feed of now) feed.listen(this.update);
    for (const feed of Object.values(before)) if (!now.includes(feed)) feed.leave(this.update);
    this.prepare();
    this.render();
  }

  close() {
    for (const feed of Object.values(this.feeds)) feed.leave(this.update);
  }
}

// --- progress and verdict ------------------------------------------------------------------------

// Milliseconds for each tab that watches the same run, over which they have their pages run again: a
// hundred pages at the same moment would keep whoever comes just then waiting for seconds.
const SPREAD = 100;

class StatusViewer extends Viewer {
  prepare() {}

  close() {
    clearTimeout(this.soon);
    super.close();
  }

  render() {
    const feed = this.feeds.this, told = feed?.last ?? this.data.first;
    this.progress(told, feed);
    this.verdict(told.verdict);
    if (feed?.gone) this.tellOf("gone", false);
    else if (feed?.last) this.tell(feed.last);
  }

  progress(told, feed) {
    const silent = (feed?.failures ?? 0) > 1;
    const words = silent ? feed.problem || "The server cannot be reached; this page keeps trying."
      : feed?.gone ? "This run is not on this server any more." : told.words;
    const share = Math.round(100 * told.share);
    this.find(".words").textContent = this.find(".words").title = words;
    this.find(".bar").style.width = `${share}%`;
    this.find(".track").setAttribute("aria-valuenow", share);
    this.find(".progress").classList.toggle("unreachable", silent);
  }

  verdict({ tone, headline, sentences, warnings }) {
    const box = this.find(".verdict"), text = this.find(".text");
    const lines = [[bold(headline), ` ${sentences}`]];
    if (warnings.length) lines.push([bold("Warning:"), ` ${warnings.join(" ")}`]);
    if (this.data.prediction) lines.push(marked(this.data.prediction));
    box.className = `verdict ${tone}`;
    const words = JSON.stringify([headline, sentences, warnings, this.data.prediction]);
    if (words === this.said) return; // a screen reader hears only what is new
    this.said = words;
    text.replaceChildren(...lines.flatMap((line) => [...line, document.createElement("br")]));
    text.lastChild.remove();
  }

  // The page runs again when its buttons no longer fit the run: it has ended or goes on again, or
  // other remedies are on offer; so it does when the run is gone.
  tell({ live, verdict }) {
    const offer = JSON.stringify(verdict.findings[0]?.remedies.map(({ label }) => label) ?? []);
    const { first, offer: offered } = this.data;
    const news = live !== first.live ? String(live) : live && offer !== offered ? offer : "";
    this.tellOf(news, live);
  }

  // Each is said once, or a page that disagrees would run for ever.
  tellOf(news, live) {
    if (news === this.news) return;
    this.news = news;
    clearTimeout(this.soon);
    if (!news) return;
    const tell = () => {
      const still = news === this.news; // the page may have run meanwhile, or show another run
      if (still) this.setTriggerValue(live ? "changed" : "ended", true);
    };
    this.soon = setTimeout(tell, SPREAD * (this.feeds.this.watching - 1) * Math.random());
  }
}

const bold = (words) => Object.assign(document.createElement("strong"), { textContent: words });

// Words with **strong** and *emphasis*, as nodes; nothing else is read as markup.
function marked(words) {
  return words.split(/(\*\*[^*]+\*\*|\*[^*]+\*)/).map((part) => {
    if (part.startsWith("**") && part.length > 4) return bold(part.slice(2, -2));
    if (!part.startsWith("*") || part.length < 3) return part;
    return Object.assign(document.createElement("em"), { textContent: part.slice(1, -1) });
  });
}

// --- both runs -----------------------------------------------------------------------------------

class RunsViewer extends Viewer {
  prepare() {
    const { look_back: lookBack, charts, histogram } = this.data;
    this.find(".look-back-words").textContent = lookBack.words;
    const handle = this.find(".look-back input");
    Object.assign(handle, { max: lookBack.steps, disabled: !this.feeds.this });
    handle.setAttribute("aria-label", lookBack.words);
    handle.value = this.shown ?? lookBack.steps;
    handle.oninput = () => this.look(Number(handle.value));
    handle.onchange = () => this.setStateValue("step", [this.steps, Number(handle.value)]);
    const drawn = JSON.stringify([charts, histogram]);
    if (drawn !== this.drawn) this.makeFigures(charts, histogram);
    this.drawn = drawn;
    this.say(this.data.difference);
  }

  makeFigures(charts, histogram) {
    this.charts = charts.map((chart) => figure(chart.words, (...of) => {
      const [svg, size, feeds, shown] = of;
      drawLines(svg, size, chart, feeds, shown);
    }));
    this.find(".charts").replaceChildren(...this.charts);
    this.histogram = figure(histogram.words, (svg, size, evaluated) =>
      drawHistogram(svg, size, histogram, evaluated));
    this.histogram.style.height = "100%";
    this.find(".histogram").replaceChildren(this.histogram);
  }

  look(step) {
    this.shown = step < this.data.look_back.steps ? step : null;
    this.render();
  }

  render() {
    const steps = this.stepsShown();
    const at = `step ${this.shown ?? this.data.look_back.steps}`;
    this.find(".look-back output").textContent = at;
    this.find(".look-back input").setAttribute("aria-valuetext", at);
    for (const name of ["this", "reference"]) {
      this.caption(name, this.feeds[name], steps[name]);
      this.sheet(name, this.feeds[name], steps[name]);
    }
    const compared = Object.fromEntries(Object.entries(this.feeds).filter(([name]) =>
      name === "this" || this.data.comparable));
    this.histogram.redraw(this.evaluated(compared, steps));
    for (const chart of this.charts) chart.redraw(compared, this.shown);
    this.compare();
  }

  // The reference shows the same step, or what it reached in the same time of training.
  stepsShown() {
    const own = this.feeds.this, other = this.feeds.reference;
    const step = this.shown ?? own?.last?.last_step ?? this.data.look_back.steps;
    if (!this.data.by_time || !own || !other) return { this: step, reference: step };
    const seconds = secondsAt(own.evaluations, step);
    return { this: step, reference: stepWithin(other.evaluations, seconds) ?? step };
  }

  view(name) {
    return this.data.averaged && this.data.runs[name]?.averaged ? "averaged" : "samples";
  }

  caption(name, feed, step) {
    const { title, settings, recorded } = this.data.captions[name];
    const steps = feed?.pictures.samples ?? [], taken = steps[placeAt(steps, step)];
    const first = document.createElement("p"), second = document.createElement("p");
    first.append(bold(title), taken === undefined ? "" : ` · step ${taken}`);
    if (recorded) {
      first.append(Object.assign(document.createElement("span"),
        { className: "badge", textContent: `recorded ${recorded}` }));
    }
    second.textContent = second.title = settings;
    this.find(`.caption-${name}`).replaceChildren(first, second);
  }

  sheet(name, feed, step) {
    const slot = this.find(`.sheet-${name}`), view = this.view(name);
    const steps = feed?.pictures[view] ?? [], taken = steps[placeAt(steps, step)];
    const wanted = taken === undefined ? "" : `${feed.address}/${view}/${taken}`;
    if (slot.wanted === wanted) return;
    slot.wanted = wanted;
    if (!wanted) {
      slot.replaceChildren();
      if (feed) slot.append(Object.assign(document.createElement("div"), { className: "waiting" }));
      return;
    }
    const maker = view === "averaged" ? "averaged generator" : "generator";
    const { plane } = this.data.runs[name];
    const shown = plane
      ? showPlane(slot, feed, view, taken, `Points the ${maker} makes at step ${taken}, `
        + `${RUN_WORDS[name]}`, plane)
      : showSheet(slot, feed, view, taken, `64 images the ${maker} makes at step ${taken}, `
        + `${RUN_WORDS[name]}`);
    shown.catch(() => this.explain(slot, wanted,
      pictureOf(feed, view, taken, plane ? "npy" : "png")));
  }

  // A picture that does not come may be damaged; or it was wound back: the next look has it.
  async explain(slot, wanted, url) {
    const problem = await problemOf(url);
    if (slot.wanted !== wanted) return;
    slot.wanted = undefined;
    if (!problem) return;
    slot.replaceChildren(Object.assign(document.createElement("p"),
      { className: "problem", textContent: `The samples cannot be shown: ${problem}` }));
  }

  evaluated(feeds, steps) {
    const found = {};
    for (const [name, { evaluations }] of Object.entries(feeds)) {
      const place = placeAt(evaluations.step, steps[name]);
      if (place < 0 || !evaluations.shares) continue;
      found[name] = { shares: evaluations.shares[place], rest: evaluations.rest[place] };
    }
    return found;
  }

  // What the change did: asked for anew when either run has been evaluated again.
  async compare() {
    const { this: own, reference: other } = this.feeds;
    if (!own || !other || !this.data.compare) return;
    const evaluated = [own, other].map(({ evaluations }) => evaluations.step.at(-1)).join();
    if (evaluated === this.comparedAt) return;
    const first = this.comparedAt === undefined;
    this.comparedAt = evaluated;
    if (first && !own.last?.live) return; // the page has said it
    try {
      const answer = await fetch(`${own.address}/difference?${this.data.compare}`);
      const words = answer.ok ? (await answer.json()).words : null;
      const still = own === this.feeds.this && other === this.feeds.reference;
      if (words !== null && still) this.say(words); // of runs that were left nobody asks any more
    } catch { this.comparedAt = ""; }
  }

  say(words) {
    this.find(".difference").replaceChildren(...marked(words));
  }
}

// --- the page's other charts --------------------------------------------------------------------

// Draws nothing itself: it says when the page's charts are to be drawn again.
class ChartsViewer extends Viewer {
  prepare() {
    this.drawnAt = performance.now();
  }

  render() {
    const feed = this.feeds.this, newest = feed?.evaluations.step.at(-1) ?? -1;
    if (!feed?.last?.live || document.hidden || newest <= this.data.drawn) return;
    if (performance.now() - this.drawnAt < 1000 * this.data.pace) return;
    this.drawnAt = performance.now(); // if the page does not answer, it is asked once more in time
    this.setTriggerValue("due", true);
  }
}

const PARTS = {
  status: StatusViewer, runs: RunsViewer, charts: ChartsViewer, map: MapViewer, study: StudyViewer };

// Draw or update a part of the page; `loader.js` calls this with what Streamlit hands it.
export function show(component) {
  const root = component.parentElement;
  root.ganLabViewer ??= new PARTS[component.data.part](root);
  root.ganLabViewer.take(component);
}
