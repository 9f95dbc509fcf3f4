// The viewer: progress and verdict of the run on the left (here), both runs' samples at one moment
// and their charts (runs.js). What it shows comes from the feeds of both runs and from one moment.
// Streamlit hears of what its buttons must follow: a moment that was chosen, a run that ended, other
// remedies, a key; and of nothing else.

// --- progress and verdict ------------------------------------------------------------------------

// Milliseconds for each tab that watches the same run, over which they have their pages run again: a
// hundred pages at the same moment would keep whoever comes just then waiting for seconds.
const SPREAD = 100;

class StatusViewer extends Viewer {
  prepare() {
    this.root.querySelector("section").classList.toggle("projector", this.data.projector);
    const more = this.find(".more");
    more.onclick = () => {
      const open = more.getAttribute("aria-expanded") === "false";
      more.setAttribute("aria-expanded", open);
      this.find(".full").hidden = !open;
    };
  }

  close() {
    clearTimeout(this.soon);
    super.close();
  }

  render() {
    const feed = this.feeds.this, told = feed?.last ?? this.data.first;
    this.progress(told, feed);
    this.verdict(this.verdictShown(told, feed));
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

  // The verdict at the moment that is shown; at the end, the newest.
  verdictShown(told, feed) {
    const { step, asked: asking } = this.moment;
    if (asking) return ASKING;
    const newest = { ...told.verdict, measured: feed?.evaluations.step.at(-1) };
    if (step === null || !feed) return newest;
    const known = verdictsOf(feed, this.data.look_back.steps, this.update);
    if (!known) return COMING;
    const place = placeAt(known.steps, step);
    return place < 0 ? known.before
      : { ...known.verdicts[place], measured: evaluatedBy(feed, known.steps[place]) };
  }

  verdict(shown) {
    const predicted = this.moment.asked || this.moment.step !== null ? ""
      : (this.feeds.this?.last?.live ? "" : this.moment.told) || this.data.prediction;
    const words = JSON.stringify([shown, predicted]);
    if (words === this.said) return; // a screen reader hears only what is new
    this.said = words;
    this.find(".verdict").className = `verdict ${shown.tone}`;
    this.find(".name").textContent = shown.name ?? shown.headline;
    this.find(".text").replaceChildren(bold(shown.sentence ?? shown.headline),
      ...(predicted ? [" ", ...marked(predicted)] : []));
    this.find(".stamp").textContent = shown.measured === undefined ? ""
      : `measured at step ${shown.measured}`;
    this.find(".chips").replaceChildren(...shown.warnings.map(warning),
      ...(shown.chips ?? []).map(chip));
    const evidence = shown.sentences ? [bold(shown.headline), ` ${shown.sentences}`] : [];
    this.find(".full").replaceChildren(...evidence);
    this.find(".more").style.visibility = evidence.length ? "visible" : "hidden";
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

const ASKING = { tone: "info", name: "What will happen?", chips: [], warnings: [],
  sentence: "What will happen? Answer beside the pictures; the verdict follows." };
const COMING = { tone: "info", name: "…", chips: [], warnings: [], sentence: "…" };

// A number of the verdict; what it means appears above it.
const chip = ({ label, value, help }) => made("span", { className: "chip", tabIndex: 0,
  ariaLabel: `${label} ${value}. ${help}` }, `${label} `, bold(value),
made("span", { className: "help", role: "tooltip", textContent: help }));

const warning = (words) => made("span", { className: "chip" }, bold("Warning: "), words);

// The step of the evaluation that a verdict on a run at `step` rests on.
function evaluatedBy({ evaluations: { step: steps } }, step) {
  return steps[placeAt(steps, step)];
}

// The verdicts that a run would have been given at its evaluations: asked for when somebody looks
// back, and again when it has been evaluated since.
function verdictsOf(feed, steps, told) {
  const newest = feed.evaluations.step.at(-1);
  if (feed.verdictsAt !== newest) {
    feed.verdictsAt = newest;
    fetch(`${feed.address}/verdicts?steps=${steps}`, { cache: "no-cache" })
      .then((answer) => (answer.ok ? answer.json() : Promise.reject(answer.status)))
      .then((known) => { feed.verdicts = known; told(); })
      .catch(() => { feed.verdictsAt = undefined; });
  }
  return feed.verdicts;
}

// --- the parts -----------------------------------------------------------------------------------

const PARTS = {
  status: StatusViewer, runs: RunsViewer, measurements: MeasurementsViewer, map: MapViewer,
  study: StudyViewer, "take-home": TakeHomeViewer, "run-table": RunTable, "run-charts": RunCharts,
  "run-sheets": RunSheets };

// Draw or update a part of the page; `loader.js` calls this with what Streamlit hands it.
export function show(component) {
  const root = component.parentElement;
  root.ganLabViewer ??= new PARTS[component.data.part](root);
  root.ganLabViewer.take(component);
}
