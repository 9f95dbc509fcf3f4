// One run as the live channel tells it. Feeds are shared by all parts of the page that show the run,
// so that it is asked for once; they outlive a rerun of the page, and end with their last listener.

const LOOK = 1000; // milliseconds between two looks at a live run
const FIRST_LOOK = 250; // until its first picture is there
const HIDDEN_LOOK = 20000; // in a tab that nobody sees; its lease is longer
const LONGEST = 30000; // between two attempts at a server that does not answer
const PATIENCE = 15000; // for one answer

class Feed {
  constructor({ address, steps, metrics, viewer }) {
    this.asked = { steps, metrics, viewer };
    this.address = address;
    this.listeners = new Set();
    this.failures = 0;
    this.gone = false;
    this.problem = ""; // why the server did not answer the last question, in its words
    this.last = null; // the last answer
    this.watching = 1; // tabs that watched the run while it was live
    this.curves = { step: [] };
    this.evaluations = { step: [] };
    this.pictures = {}; // view -> steps that have a picture, in order
    this.seen = () => this.ask();
  }

  // Whoever holds a feed keeps it, and is told nothing yet.
  hold(listener) {
    if (!this.listeners.size) document.addEventListener("visibilitychange", this.seen);
    this.listeners.add(listener);
  }

  listen(listener) {
    this.hold(listener);
    if (this.last) listener(this);
    if (this.gone || !this.last?.live) this.ask(); // it may have been continued meanwhile
  }

  leave(listener) {
    this.listeners.delete(listener);
    if (this.listeners.size) return;
    clearTimeout(this.timer);
    document.removeEventListener("visibilitychange", this.seen);
  }

  async ask() {
    if (this.asking) return;
    this.asking = true;
    clearTimeout(this.timer);
    let problem = "";
    try {
      const answer = await fetch(`${this.address}/live?${this.question()}`, {
        cache: "no-cache", signal: AbortSignal.timeout(PATIENCE) });
      this.gone = answer.status === 404;
      if (answer.ok) this.take(await answer.json());
      else problem = await problemIn(answer);
      if (!answer.ok && !this.gone) throw new Error(`status ${answer.status}`);
      this.failures = 0;
    } catch {
      this.failures += 1;
    }
    this.problem = problem;
    this.asking = false;
    for (const listener of this.listeners) listener(this);
    if (this.listeners.size && this.wait() < Infinity) {
      this.timer = setTimeout(() => this.ask(), this.wait());
    }
  }

  question() {
    const { steps, metrics, viewer } = this.asked;
    const words = { steps, metrics: metrics.join(","), viewer, since: this.last?.since ?? "" };
    if (document.hidden) words.hidden = "1";
    return new URLSearchParams(words);
  }

  // The one rule: forget everything after step `from`, and add what the answer holds.
  take(answer) {
    this.last = answer;
    this.watching = answer.watching || this.watching;
    this.curves = joined(this.curves, answer.curves, answer.from);
    this.evaluations = joined(this.evaluations, answer.evaluations, answer.from);
    for (const view of new Set([...Object.keys(this.pictures), ...Object.keys(answer.pictures)])) {
      const kept = (this.pictures[view] ?? []).filter((step) => step <= answer.from);
      this.pictures[view] = [...kept, ...(answer.pictures[view] ?? [])];
    }
  }

  wait() {
    if (this.failures) return Math.min(LONGEST, LOOK * 2 ** this.failures);
    if (this.gone || !this.last?.live) return Infinity;
    if (document.hidden) return HIDDEN_LOOK;
    const begins = !this.pictures.samples?.length && this.last.state !== "queued";
    return begins ? FIRST_LOOK : LOOK;
  }
}

// Why the server refuses, in its words; "" where it has none, as where a proxy answers in its place.
const problemIn = (answer) => answer.json().then(({ problem }) => problem ?? "", () => "");

function joined(known, news, from) {
  const kept = known.step.filter((step) => step <= from).length;
  const names = new Set([...Object.keys(known), ...Object.keys(news)]);
  return Object.fromEntries([...names].map((name) => {
    const before = known[name]?.slice(0, kept) ?? Array(kept).fill(null);
    return [name, [...before, ...(news[name] ?? Array(news.step.length).fill(null))]];
  }));
}

const feeds = (globalThis.ganLabFeeds ??= new Map());

function feedOf(run) {
  const { address, steps, metrics, viewer } = run;
  const name = JSON.stringify([address, steps, metrics, viewer]);
  for (const [other, feed] of feeds) if (!feed.listeners.size && other !== name) feeds.delete(other);
  if (!feeds.has(name)) feeds.set(name, new Feed({ address, steps, metrics, viewer }));
  return feeds.get(name);
}

// --- what is known as of a step ------------------------------------------------------------------

// The place of the last of ascending `steps` at or before `step`; -1 where there is none.
function placeAt(steps, step) {
  let place = steps.length - 1;
  while (place >= 0 && steps[place] > step) place -= 1;
  return place;
}

function secondsAt({ step: steps, seconds }, step) {
  const place = placeAt(steps, step);
  if (place < 0) return seconds?.[0] ?? NaN;
  if (place === steps.length - 1) return seconds[place];
  const share = (step - steps[place]) / (steps[place + 1] - steps[place]);
  return seconds[place] + share * (seconds[place + 1] - seconds[place]);
}

// The step that a run had reached after so many seconds of training; between two evaluations it is
// taken to have gone on evenly.
function stepAt({ step: steps, seconds }, at) {
  const place = placeAt(seconds ?? [], at);
  if (place < 0) return steps[0] ?? 0;
  if (place === steps.length - 1) return steps[place];
  const share = (at - seconds[place]) / (seconds[place + 1] - seconds[place]);
  return Math.round(steps[place] + share * (steps[place + 1] - steps[place]));
}
