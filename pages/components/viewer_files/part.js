// What the parts of a page share: their feeds, and the moment of the run that they show.

const bold = (words) => made("strong", { textContent: words });

const made = (name, properties = {}, ...content) => {
  const element = Object.assign(document.createElement(name), properties);
  element.append(...content);
  return element;
};

// Words with **strong** and *emphasis*, as nodes; nothing else is read as markup.
function marked(words) {
  return words.split(/(\*\*[^*]+\*\*|\*[^*]+\*)/).map((part) => {
    if (part.startsWith("**") && part.length > 4) return bold(part.slice(2, -2));
    if (!part.startsWith("*") || part.length < 3) return part;
    return made("em", { textContent: part.slice(1, -1) });
  });
}

// Which moment of a run the page shows: `at` is a place of its timeline, null its end or, of a live
// run, the newest; `step` is the run's step then. `asked` says that the visitor is to predict first.
// All parts of a page that show the run share one.
class Moment {
  constructor() {
    Object.assign(this, { at: null, step: null, asked: false, told: "" });
    this.hover = null; // the place of the timeline that is pointed at, in whichever chart
    this.listeners = new Set();
    this.followers = new Set(); // of the pointer
  }

  point(at) {
    this.hover = at;
    for (const follower of this.followers) follower();
  }

  set(news) {
    Object.assign(this, news);
    for (const listener of this.listeners) listener();
  }
}

const moments = (globalThis.ganLabMoments ??= new Map());

// `step` is the one that the page knows of a run that was looked back to before.
function momentOf(key, step = null) {
  for (const [other, moment] of moments) {
    if (!moment.listeners.size && other !== key) moments.delete(other);
  }
  if (!moments.has(key)) moments.set(key, Object.assign(new Moment(), { at: step, step }));
  return moments.get(key);
}

class Viewer {
  constructor(root) {
    this.root = root;
    this.feeds = {}; // "this", "reference" -> Feed
    this.update = () => this.render();
    this.find = (selector) => root.querySelector(selector);
  }

  // What the page says: which runs, and the words that only it knows.
  take({ data, setStateValue, setTriggerValue }) {
    Object.assign(this, { data, setStateValue, setTriggerValue });
    this.turnTo(momentOf(data.look_back.key, data.look_back.step));
    const before = this.feeds;
    this.feeds = {};
    for (const [name, run] of Object.entries(data.runs)) {
      if (!run) continue;
      const feed = feedOf({ ...run, metrics: data.metrics, viewer: data.viewer });
      feed.hold(this.update); // or the next one's search would throw it away
      this.feeds[name] = feed;
    }
    if (before.this !== this.feeds.this) this.news = "";
    const now = Object.values(this.feeds);
    for (const feed of Object.values(before)) if (!now.includes(feed)) feed.leave(this.update);
    this.prepare();
    for (const feed of now) feed.listen(this.update);
    this.render();
  }

  turnTo(moment) {
    if (moment === this.moment) return;
    this.moment?.listeners.delete(this.update);
    this.moment = moment;
    moment.listeners.add(this.update);
  }

  close() {
    this.moment?.listeners.delete(this.update);
    for (const feed of Object.values(this.feeds)) feed.leave(this.update);
  }
}
