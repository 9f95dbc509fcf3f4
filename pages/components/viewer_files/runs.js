// Both runs at one moment: sheets, what the page is about, the charts, the difference in words; and
// the playback that goes through the moments. Streamlit hears of a moment that the visitor chose, of
// a key that was pressed for it, and of nothing while it plays.

const PRELOADED = 160; // pictures of both runs that are fetched ahead
const FILM_TOLD = 8000; // milliseconds that a word about the film stays
const PAUSED = 250; // milliseconds of rest before the difference at a moment is asked for

class RunsViewer extends ChartsViewer {
  constructor(root) {
    super(root);
    this.playback = new Playback(root, {
      look: (moment) => this.look(moment),
      released: () => this.released(),
      ready: (moment) => this.arrived(moment),
      begin: () => this.skip(),
    });
    this.keys = (event) => this.press(event);
    document.addEventListener("keydown", this.keys);
    this.tile = null; // {name, index} of the image that is shown large
    this.tiles = new TileView(this.find(".tile"), () => this.showTile(null));
    for (const name of ["this", "reference"]) {
      const slot = this.find(`.sheet-${name}`);
      slot.onclick = (event) => this.pressSheet(name, event);
      slot.onkeydown = (event) => this.keyOnSheet(name, event);
    }
    const bar = this.find(".playback");
    for (const begin of ["pointerenter", "focusin"]) {
      bar.addEventListener(begin, () => this.preload());
    }
  }

  close() {
    document.removeEventListener("keydown", this.keys);
    this.playback.halt();
    super.close();
  }

  turnTo(moment) {
    if (moment !== this.moment) this.playback?.halt();
    super.turnTo(moment);
  }

  prepare() {
    const { look_back: lookBack, charts, evidence, histogram, projector } = this.data;
    this.find(".look-back-words").textContent = lookBack.words;
    this.playback.bar.setAttribute("aria-label", lookBack.words);
    this.root.querySelector("section").classList.toggle("projector", projector);
    const drawn = JSON.stringify([charts, evidence, histogram]);
    if (drawn !== this.drawn) this.makeFigures();
    this.drawn = drawn;
    this.ask();
    this.comparedAt = undefined; // what the page says is of the end, and may be new
    const film = this.find(".film");
    savesItself(film, (told) => this.tellOfFilm(told));
    if (this.own) film.href = `${this.own.address}/film.gif?${this.data.film}`;
    else film.removeAttribute("href");
  }

  // Beside the film's button, until something else is pressed.
  tellOfFilm(words) {
    const told = this.find(".film-told");
    told.textContent = words;
    clearTimeout(this.toldOfFilm);
    if (words) this.toldOfFilm = setTimeout(() => this.tellOfFilm(""), FILM_TOLD);
  }

  makeFigures() {
    const { charts, evidence, histogram } = this.data;
    this.charts = charts.map((chart) => this.lines(chart));
    this.find(".charts").replaceChildren(...this.charts);
    const slot = this.find(".evidence-body");
    slot.replaceChildren();
    Object.assign(this, { bars: null, key: null, cards: null, clocks: null });
    if (evidence.kind === "histogram") {
      this.bars = figure(histogram.words, (svg, size, news, own) => drawHistogram(svg, size,
        { ...histogram, title: `${histogram.title}${news.stamp}` }, news.evaluated, own));
      slot.append(this.bars);
    } else if (evidence.kind === "cards") {
      const cards = made("div", { className: "score-cards" });
      slot.append(cards);
      this.cards = new ScoreCards(cards);
    } else {
      if (evidence.kind === "clocks") slot.append(this.clocks = made("div", { className: "clocks" }));
      slot.append(this.key = this.lines(evidence.chart));
    }
  }

  // --- which moment it is

  timeline() {
    const { look_back: { steps }, by_time: byTime } = this.data;
    return timeline(this.feeds, (name) => this.view(name), { steps, byTime, end: this.end() });
  }

  look(moment) {
    this.moment.set({ at: moment?.at ?? null, step: moment?.this ?? null });
  }

  released() {
    this.setStateValue("step", [this.data.look_back.key,
      this.moment.step ?? this.data.look_back.steps]);
  }

  // The steps of both runs at the moment that is shown; at its end, the newest.
  stepsShown() {
    const { own, moment, data } = this, other = this.feeds.reference;
    if (data.by_time && own) return momentAt(moment.at ?? this.end(), own, other);
    const step = moment.at ?? own?.last?.last_step ?? data.look_back.steps;
    return { this: step, reference: step };
  }

  // --- predict first

  ask() {
    const { asks } = this.data, slot = this.find(".question");
    const open = asks !== null && !asked.has(asks.name);
    if (open && this.asks !== asks.name) {
      this.asks = asks.name;
      slot.replaceChildren(bold("What will happen?"), made("p", { textContent: asks.question }),
        ...asks.answers.map(({ answer, told }, place) => made("button", { type: "button",
          textContent: answer, onclick: () => this.answer(told, place) })),
        made("button", { type: "button", className: "skip", textContent: "Skip and play",
          onclick: () => this.answer("") }));
    }
    slot.hidden = !open;
    if (!open) {
      if (this.moment.asked) this.moment.set({ asked: false, at: null, step: null });
      return;
    }
    if (this.moment.asked) return;
    const [first] = this.timeline();
    if (first) this.moment.set({ at: first.at, step: first.this, asked: true });
    this.preload();
  }

  answer(told, place = null) {
    asked.add(this.data.asks.name);
    this.find(".question").hidden = true;
    this.moment.set({ asked: false, told, predicted: place });
    this.playback.play();
    this.playback.find("play").focus({ preventScroll: true });
  }

  // Whoever plays before answering skips the question; whether there was one.
  skip() {
    if (!this.moment.asked) return false;
    this.answer("");
    return true;
  }

  // --- one image of a sheet

  pressSheet(name, event) {
    const image = this.find(`.sheet-${name} img`);
    if (image) this.showTile({ name, index: tileAt(event, image) });
  }

  // With the keyboard: Enter opens the first image, arrows go to the next ones, Escape closes.
  keyOnSheet(name, event) {
    if (!this.find(`.sheet-${name} img`)) return;
    const by = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -COLUMNS, ArrowDown: COLUMNS }[event.key];
    if (event.key === "Enter") this.showTile({ name, index: 0 });
    else if (event.key === "Escape" && this.tile) this.showTile(null);
    else if (by && this.tile) {
      const last = COLUMNS * COLUMNS - 1;
      this.showTile({ name, index: Math.min(last, Math.max(0, this.tile.index + by)) });
    } else return;
    event.preventDefault();
    event.stopPropagation();
  }

  showTile(tile) {
    this.tile = tile;
    this.tiles.shown = "";
    this.render();
  }

  drawTile(steps) {
    const open = Boolean(this.tile && this.feeds[this.tile.name]) && !this.moment.asked;
    this.find(".tile").hidden = !open;
    this.find(".evidence-body").hidden = open || this.moment.asked;
    if (!open) return;
    const { name, index } = this.tile, step = this.taken(name, steps[name]);
    if (step === undefined) return;
    this.tiles.draw({ feed: this.feeds[name], view: this.view(name), step, index,
      noun: this.data.histogram.noun, title: this.data.captions[name].title }).catch(() => {});
  }

  // --- keys

  press(event) {
    if (!isForThePage(event)) return;
    const key = event.key.toLowerCase(), { projector } = this.data;
    const by = { arrowleft: -1, arrowright: 1 }[key];
    if (key === " ") this.playback.playing ? this.playback.pause() : this.playback.play();
    else if (by && !this.moment.asked) this.playback.step(by);
    else if (projector && "bfh".includes(key)) this.setTriggerValue("key", key);
    else if (projector && key === "escape") this.setTriggerValue("key", "escape");
    else if (projector && key === "a" && this.moment.asked) this.skip();
    else return;
    event.preventDefault();
  }

  // --- drawing

  render() {
    if (this.data.asks && !this.moment.asked && !asked.has(this.data.asks.name)) this.ask();
    const steps = this.stepsShown(), { at } = this.moment, end = this.end();
    const words = this.data.by_time ? `${(at ?? end).toFixed(1)} s of training`
      : `step ${at ?? this.data.look_back.steps}`;
    this.playback.show(this.timeline(), at,
      { end, disabled: !this.own, asked: this.moment.asked });
    this.find(".look-back output").textContent = words;
    this.playback.bar.setAttribute("aria-valuetext", words);
    for (const name of ["this", "reference"]) {
      this.caption(name, this.feeds[name], steps[name]);
      this.sheet(name, this.feeds[name], steps[name]);
    }
    this.drawCharts();
    this.evidence(steps);
    this.strip(steps.this);
    this.drawTile(steps);
    this.compare();
  }

  charted() {
    return [...this.charts, this.key].filter(Boolean);
  }

  evidence(steps) {
    const evaluated = this.evaluated(this.compared(), steps);
    const at = evaluated.this?.step, stamp = at === undefined ? "" : ` · step ${at}`;
    this.bars?.redraw({ evaluated, stamp });
    if (this.cards) {
      const [run, feed] = Object.entries(this.feeds).find(([, each]) => each.pictures.cards) ?? [];
      const { this: mine, reference } = evaluated;
      this.cards.draw({ stamp, noun: this.data.histogram.noun, waiting: !this.own?.last
          || this.own.last.live,
        scored: { this: mine, reference: this.data.same_images ? reference : undefined },
        picture: run ? pictureOf(feed, "cards", feed.pictures.cards[0], "png") : "" });
    }
    this.clocks?.replaceChildren(...Object.entries(this.compared()).map(([name, feed]) =>
      clock(this.data.captions[name].title, secondsAt(feed.evaluations, steps[name]) || 0,
        steps[name])));
  }

  strip(step) {
    const svg = this.find(".strip svg"), curves = this.own?.curves;
    const at = curves ? placeAt(curves.step, step) : -1;
    const width = this.find(".strip").clientWidth;
    if (width) {
      signalStrip(svg, width, { score: curves?.score_fake?.[at] ?? null,
        gradient: curves?.grad_norm_g?.[at] ?? null });
    }
  }

  view(name) {
    return this.data.averaged && this.data.runs[name]?.averaged ? "averaged" : "samples";
  }

  caption(name, feed, step) {
    const { title, settings, recorded, opened } = this.data.captions[name];
    const steps = feed?.pictures[this.view(name)] ?? [], taken = steps[placeAt(steps, step)];
    const first = made("p", {}, bold(title), taken === undefined ? "" : ` · step ${taken}`);
    if (recorded) {
      first.append(made("span", { className: "badge" }, "recorded",
        made("span", { className: "day", textContent: ` ${recorded}` })));
    }
    if (opened) first.append(made("span", { className: "badge" }, opened));
    const second = made("p", { textContent: settings, title: settings });
    this.find(`.caption-${name}`).replaceChildren(first, second);
  }

  taken(name, step) {
    const steps = this.feeds[name]?.pictures[this.view(name)] ?? [];
    return steps[placeAt(steps, step)];
  }

  sheet(name, feed, step) {
    const slot = this.find(`.sheet-${name}`), view = this.view(name), taken = this.taken(name, step);
    const wanted = taken === undefined ? "" : `${feed.address}/${view}/${taken}`;
    if (slot.wanted === wanted) return;
    slot.wanted = wanted;
    if (!wanted) {
      slot.replaceChildren();
      if (feed) slot.append(made("div", { className: "waiting" }));
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
    slot.replaceChildren(made("p",
      { className: "problem", textContent: `The samples cannot be shown: ${problem}` }));
  }

  // Both pictures of a moment, fetched ahead.
  arrived(moment) {
    if (!moment) return null;
    return Promise.all(["this", "reference"].map((name) => {
      const feed = this.feeds[name], step = this.taken(name, moment[name]);
      return feed && step !== undefined
        ? fetched(feed, this.view(name), step, Boolean(this.data.runs[name].plane)) : null;
    }));
  }

  preload() {
    if (this.own?.last?.live) return;
    for (const moment of this.timeline().slice(0, PRELOADED)) this.arrived(moment);
  }

  evaluated(feeds, steps) {
    const found = {};
    for (const [name, { evaluations }] of Object.entries(feeds)) {
      const place = placeAt(evaluations.step, steps[name]);
      if (place < 0 || !evaluations.shares) continue;
      found[name] = {
        step: evaluations.step[place], shares: evaluations.shares[place],
        rest: evaluations.rest[place], training: evaluations.scores_training?.[place] ?? undefined,
        unseen: evaluations.scores_unseen?.[place] ?? undefined,
      };
    }
    return found;
  }

  // --- the difference in words

  // What the change did: asked for anew when either run has been evaluated again, and as of the
  // moment that is looked back to, once it rests there.
  compare() {
    const { own, data: { compare } } = this, other = this.feeds.reference;
    if (!own || !other || !compare) {
      this.say(this.data.difference);
      return;
    }
    const { step, asked: asking } = this.moment;
    const evaluated = [own, other].map(({ evaluations }) => evaluations.step.at(-1)).join();
    const wanted = `${compare} ${evaluated} ${step} ${asking}`;
    if (wanted === this.comparedAt) return;
    this.comparedAt = wanted;
    clearTimeout(this.resting);
    if (asking) this.say("");
    else if (step === null && !own.last?.live) this.say(this.data.difference); // the page said it
    else {
      if (step !== null) this.say("…");
      this.resting = setTimeout(() => this.askDifference(own, other, wanted, step),
        step === null ? 0 : PAUSED);
    }
  }

  async askDifference(own, other, wanted, step) {
    if (this.playback.playing) {
      this.comparedAt = "";
      return;
    }
    const at = step === null ? "" : `&at=${step}`;
    try {
      const answer = await fetch(`${own.address}/difference?${this.data.compare}${at}`);
      if (!answer.ok) throw new Error(`status ${answer.status}`);
      const { words } = await answer.json();
      const still = own === this.feeds.this && other === this.feeds.reference;
      // Of runs that were left, and of moments that were, nobody asks any more.
      if (still && wanted === this.comparedAt) this.say(words);
    } catch {
      if (wanted === this.comparedAt) this.say("");
      this.comparedAt = "";
    }
  }

  say(words) {
    this.find(".difference").replaceChildren(...marked(words));
  }
}

// --- which pages have asked this visitor for a prediction ----------------------------------------

// Kept by the browser; where it keeps nothing, for this visit.
const asked = {
  here: new Set(),
  key: (name) => `gan-lab/asked/${name}`,
  has(name) {
    try {
      return this.here.has(name) || localStorage.getItem(this.key(name)) !== null;
    } catch {
      return this.here.has(name);
    }
  },
  add(name) {
    this.here.add(name);
    try {
      localStorage.setItem(this.key(name), "1");
    } catch { /* private browsing: this visit remembers */ }
  },
};
