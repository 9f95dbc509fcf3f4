// A parameter map: one button for each pair of values, coloured as the channel says. The last two
// that were pressed are chosen. Streamlit hears of two things: which cells are chosen, and that the
// map is no longer being filled.

class MapFeed extends Feed {
  question() {
    const { colouring, viewer } = this.asked;
    return new URLSearchParams({ colour: colouring, viewer });
  }

  take(answer) {
    this.last = answer;
  }

  wait() {
    if (this.failures) return Math.min(LONGEST, LOOK * 2 ** this.failures);
    if (this.gone || !this.last?.live) return Infinity;
    return document.hidden ? HIDDEN_LOOK : LOOK;
  }
}

class MapViewer {
  constructor(root) {
    this.root = root;
    this.find = (selector) => root.querySelector(selector);
    this.update = () => this.render();
  }

  take({ data, setStateValue, setTriggerValue }) {
    Object.assign(this, { data, setStateValue, setTriggerValue });
    const shape = JSON.stringify([data.address, data.columns, data.rows]);
    if (shape !== this.shape) this.build();
    this.shape = shape;
    this.chosen = data.chosen;
    this.find(".label-x").textContent = data.x;
    this.find(".label-y").textContent = data.y;
    const name = JSON.stringify([data.address, data.colouring]);
    if (name !== this.name || data.first.live !== this.first?.live) {
      this.feed?.leave(this.update);
      this.feed = new MapFeed({ address: data.address });
      Object.assign(this.feed, {
        asked: { colouring: data.colouring, viewer: data.viewer }, last: data.first });
      if (data.first.live) this.feed.listen(this.update);
    } else if (!data.first.live) this.feed.last = data.first;
    [this.name, this.first, this.ended] = [name, data.first, false];
    if (data.first.live) this.feed.ask();
    this.render();
  }

  close() {
    this.feed?.leave(this.update);
  }

  // The first row lies at the bottom, as on any chart.
  build() {
    const { columns, rows } = this.data, grid = this.find(".grid");
    grid.style.gridTemplateColumns = `auto repeat(${columns.length}, minmax(var(--least), 1fr))`;
    grid.setAttribute("aria-label", `${this.data.y} by ${this.data.x}`);
    this.cells = [];
    const lines = rows.map((label, row) => {
      const line = document.createElement("div");
      line.setAttribute("role", "row");
      line.append(tick(label, "rowheader", "tick tick-y"));
      this.cells.push(columns.map((_, column) => this.cell(column, row)));
      line.append(...this.cells[row]);
      return line;
    });
    const last = document.createElement("div");
    last.setAttribute("role", "row");
    last.append(tick("", "columnheader", "tick"),
      ...columns.map((label) => tick(label, "columnheader", "tick tick-x")));
    grid.replaceChildren(...lines.reverse(), last);
    this.reach(0, 0, false);
  }

  cell(column, row) {
    const cell = document.createElement("button");
    cell.type = "button";
    cell.className = "cell";
    cell.setAttribute("role", "gridcell");
    cell.onclick = () => this.choose(column, row);
    cell.onmouseenter = cell.onfocus = () => this.tell(column, row);
    cell.onkeydown = (event) => {
      const [right, up] = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowUp: [0, 1],
        ArrowDown: [0, -1] }[event.key] ?? [0, 0];
      if (!right && !up) return;
      event.preventDefault();
      this.reach(column + right, row + up, true);
    };
    cell.append(document.createElement("span"), document.createElement("small"));
    return cell;
  }

  // One cell at a time can be reached by Tab, the others by the arrows.
  reach(column, row, focus) {
    const cell = this.cells[row]?.[column];
    if (!cell) return;
    for (const line of this.cells) for (const other of line) other.tabIndex = -1;
    cell.tabIndex = 0;
    if (focus) cell.focus();
  }

  choose(column, row) {
    this.reach(column, row, false);
    const others = this.chosen.filter((cell) => cell[0] !== column || cell[1] !== row);
    const again = others.length < this.chosen.length;
    this.chosen = again ? others : [...others.slice(-1), [column, row]];
    this.render();
    this.setStateValue("chosen", [this.data.name, this.chosen]);
  }

  tell(column, row) {
    this.find(".told").textContent = this.sentence(column, row);
  }

  sentence(column, row) {
    const { columns, rows, x, y } = this.data;
    const told = this.feed.last.cells[row * columns.length + column][5];
    return `${x} ${columns[column]}, ${y} ${rows[row]}: ${told}`;
  }

  render() {
    const last = showProgress(this.root, this.feed);
    this.cells.forEach((line, row) => line.forEach((cell, column) => {
      const [fill, ink, text, below, known, , training] = last.cells[
        row * this.data.columns.length + column];
      const place = this.chosen.findIndex((each) => each[0] === column && each[1] === row);
      cell.style.background = fill;
      cell.style.color = ink;
      cell.classList.toggle("unknown", !known);
      cell.classList.toggle("borrowed", !known && fill !== "");
      cell.classList.toggle("training", training);
      cell.classList.toggle("chosen", place >= 0);
      cell.setAttribute("aria-selected", place >= 0);
      cell.setAttribute("aria-label", this.sentence(column, row));
      cell.firstChild.textContent = text;
      cell.lastChild.textContent = below;
    }));
    this.find(".legend").replaceChildren(...last.legend.map(([colour, meaning]) => {
      const entry = document.createElement("li"), swatch = document.createElement("i");
      swatch.style.background = colour;
      entry.append(swatch, meaning);
      return entry;
    }));
    if (!last.live && this.first.live && !this.ended) {
      this.ended = true;
      this.setTriggerValue("ended", true);
    }
  }
}

function tick(words, role, className) {
  const made = document.createElement("span");
  made.setAttribute("role", role);
  made.className = className;
  made.textContent = words;
  return made;
}

// --- how far another study is ---------------------------------------------------------------------

// The progress of a study that the page draws by itself: Streamlit hears when a run more is there.
class StudyViewer {
  constructor(root) {
    this.root = root;
    this.update = () => this.render();
  }

  take({ data, setTriggerValue }) {
    Object.assign(this, { data, setTriggerValue });
    this.feed?.leave(this.update);
    this.feed = new MapFeed({ address: data.address });
    Object.assign(this.feed, { asked: { viewer: data.viewer, colouring: "" }, last: data.first });
    this.told = false;
    if (data.first.live) {
      this.feed.listen(this.update);
      this.feed.ask();
    }
    this.render();
  }

  close() {
    this.feed?.leave(this.update);
  }

  render() {
    const { first, label } = this.data, last = showProgress(this.root, this.feed, `${label}: `);
    this.root.querySelector(".track").setAttribute("aria-label", `${label}: progress of the runs`);
    if (this.told || (last.done === first.done && last.live === first.live)) return;
    this.told = true;
    this.setTriggerValue("grown", last.done);
  }
}

// Words and bar of a study; what its feed knows.
function showProgress(root, { last, failures, problem, gone }, label = "") {
  const silent = failures > 1 || gone, words = root.querySelector(".words");
  words.textContent = words.title = silent
    ? problem || "The server cannot be reached; this page keeps trying." : label + last.words;
  const share = Math.round(100 * last.share);
  root.querySelector(".bar").style.width = `${share}%`;
  root.querySelector(".track").setAttribute("aria-valuenow", share);
  words.parentElement.classList.toggle("unreachable", silent);
  return last;
}
