// The timeline of a page's runs: the moments at which there are sheets, and the controls that go
// through them. A place on it is a step, or, where runs are compared by time, a second of training.

const FRAME = 100; // milliseconds for which a sheet is shown at speed 1
const RESTED = 250; // milliseconds after which a moment that was stepped to is chosen
const LATE = 1500; // milliseconds for which a sheet that has not arrived is waited for
const SPEEDS = [["¼×", 0.25], ["½×", 0.5], ["1×", 1], ["2×", 2]];

// The moments in order, each with the step of every run: {at, this, reference}.
function timeline({ this: own, reference: other }, viewOf, { steps, byTime, end }) {
  const until = own?.last?.live ? own.last.last_step : steps;
  const sheets = (name, feed) => feed?.pictures[viewOf(name)] ?? [];
  if (!byTime) {
    const every = new Set([...sheets("this", own), ...sheets("reference", other)]);
    return [...every].filter((step) => step <= until).sort((one, two) => one - two)
      .map((step) => ({ at: step, this: step, reference: step }));
  }
  const seconds = new Set();
  for (const [name, feed] of [["this", own], ["reference", other]]) {
    for (const step of sheets(name, feed)) {
      seconds.add(Number(secondsAt(feed.evaluations, step).toFixed(4)));
    }
  }
  return [...seconds].filter((at) => at <= end).sort((one, two) => one - two)
    .map((at) => momentAt(at, own, other));
}

function momentAt(at, own, other) {
  return { at, this: own ? stepAt(own.evaluations, at) : 0,
    reference: other ? stepAt(other.evaluations, at) : 0 };
}

// The place of the last moment at or before `at`; the first one before all.
const momentBefore = (moments, at) => Math.max(0, placeAt(moments.map((each) => each.at), at));

// The controls: they tell `look(moment or null)`, null for the end, and `released()` when the
// visitor has let go.
class Playback {
  constructor(root, { look, released, ready, begin }) {
    Object.assign(this, { look, released, ready, begin, moments: [], place: 0, playing: false });
    this.find = (name) => root.querySelector(`.playback .${name}`);
    this.bar = root.querySelector(".look-back input");
    this.find("play").onclick = () => (this.playing ? this.pause() : this.play());
    this.find("first").onclick = () => this.jump(0);
    this.find("last").onclick = () => this.jump(Infinity);
    this.find("speed").replaceChildren(...SPEEDS.map(([words, value]) =>
      made("option", { textContent: words, value, selected: value === 1 })));
    this.bar.oninput = () => this.drag();
    this.bar.onchange = () => this.released();
    this.bar.onkeydown = (event) => this.press(event);
  }

  // The moments there are now, and where the page is among them.
  show(moments, at, { end, disabled, asked }) {
    this.moments = moments;
    this.place = at === null ? moments.length - 1 : momentBefore(moments, at);
    Object.assign(this.bar, { max: end, step: "any", disabled: disabled || asked });
    this.bar.value = at ?? end;
    for (const name of ["play", "first", "last"]) {
      this.find(name).disabled = disabled || moments.length < 2 || (asked && name !== "play");
    }
  }

  // The slider stands on moments alone.
  drag() {
    this.halt();
    const at = Number(this.bar.value), after = this.moments.findIndex((each) => each.at >= at);
    const before = momentBefore(this.moments, at);
    const near = after < 0 || at - this.moments[before].at < this.moments[after].at - at
      ? before : after;
    this.go(near);
  }

  press(event) {
    const by = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1 }[event.key];
    const to = { Home: 0, End: Infinity }[event.key];
    if (by === undefined && to === undefined) return;
    event.preventDefault();
    event.stopPropagation();
    if (by) this.step(by);
    else this.jump(to);
  }

  step(by) {
    this.jump(this.place + by);
  }

  // A key that is held down goes through many moments, and is let go of once.
  jump(place) {
    this.halt();
    this.go(place);
    clearTimeout(this.resting);
    this.resting = setTimeout(() => this.released(), RESTED);
  }

  go(place) {
    if (!this.moments.length) return;
    this.place = Math.min(this.moments.length - 1, Math.max(0, place));
    this.look(this.place === this.moments.length - 1 ? null : this.moments[this.place]);
  }

  play() {
    if (this.moments.length < 2 || this.begin()) return;
    if (this.place >= this.moments.length - 1) this.go(0);
    this.playing = true;
    this.word();
    this.next();
  }

  async next() {
    const round = (this.round = {});
    const late = new Promise((resolve) => { setTimeout(resolve, LATE); });
    const wait = FRAME / Number(this.find("speed").value);
    const pause = new Promise((resolve) => { setTimeout(resolve, wait); });
    await Promise.all([pause, Promise.race([late, this.ready(this.moments[this.place + 1])])]);
    if (!this.playing || round !== this.round) return;
    this.go(this.place + 1);
    if (this.place < this.moments.length - 1) this.next();
    else this.pause();
  }

  pause() {
    this.halt();
    this.released();
  }

  halt() {
    this.playing = false;
    this.word();
  }

  word() {
    const play = this.find("play"), words = this.playing ? "Pause" : "Play";
    play.setAttribute("aria-label", words);
    play.title = `${words} (space bar)`;
    play.classList.toggle("playing", this.playing);
  }
}

// Whether a key that was pressed is the page's own: nothing that takes keys itself has the focus.
function isForThePage(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return false;
  const on = event.composedPath()[0];
  // A button takes the space bar, one of several choices the arrows as well, and no other key of ours.
  const space = event.key === " ", pressed = space ? ", button, a, summary" : "";
  const chosen = space || event.key.startsWith("Arrow") ? ", [role=radio], [role=radiogroup]" : "";
  return !(on instanceof Element) || !on.closest("input, textarea, select, [contenteditable], "
    + "[role=slider], [role=tab], [role=option], [role=combobox], [role=dialog], "
    + `[role=menuitem]${pressed}${chosen}`);
}
