// A table of runs: the server narrows it down and sorts it, and sends the first rows. What is pressed
// goes to the page: runs that are chosen, a star, a column, more rows.

class RunTable {
  constructor(root) {
    this.root = root;
    this.find = (selector) => root.querySelector(selector);
  }

  take({ data, setStateValue, setTriggerValue }) {
    const before = this.data;
    Object.assign(this, { data, setStateValue, setTriggerValue });
    // Whoever ticks quickly is ahead of what the page has heard of.
    if (data.heard >= (this.told ?? 0)) this.chosen = data.chosen;
    const focused = this.root.activeElement?.dataset?.name ?? document.activeElement?.dataset?.name;
    if (JSON.stringify(before?.columns) !== JSON.stringify(data.columns)
      || before?.sort.join() !== data.sort.join()) this.head();
    if (JSON.stringify(before?.rows) !== JSON.stringify(data.rows)) this.body();
    this.mark();
    this.find(".words").textContent = data.words;
    this.find(".shared").textContent = data.shared;
    this.find(".shared").hidden = !data.shared;
    const further = this.find(".further");
    further.textContent = data.further;
    further.hidden = !data.further;
    further.onclick = () => this.ask({ further: true });
    this.find(".table-frame").classList.toggle("few", data.rows.length <= 8);
    if (focused) this.find(`[data-name="${CSS.escape(focused)}"]`)?.focus();
  }

  close() {}

  ask(what) {
    this.setTriggerValue("asked", what);
  }

  head() {
    const { columns, sort: [sorted, falling] } = this.data;
    const cells = columns.map(({ name, label, help, number, falls }) => {
      const own = name === sorted;
      const head = made("button", { type: "button", title: `${help} Press to sort.`,
        onclick: () => this.ask({ sort: [name, own ? !falling : falls] }) },
      `${label}${own ? (falling ? " ↓" : " ↑") : ""}`);
      head.dataset.name = `head ${name}`;
      const cell = made("th", { className: `of-${name}${number ? " number" : ""}`, scope: "col" }, head);
      if (own) cell.setAttribute("aria-sort", falling ? "descending" : "ascending");
      return cell;
    });
    this.find("thead tr").replaceChildren(
      made("th", { scope: "col" }, made("span", { className: "unseen", textContent: "Chosen, starred" })),
      ...cells);
  }

  body() {
    this.find("tbody").replaceChildren(...this.data.rows.map((row) => this.row(row)));
  }

  row({ key, title, badge, settings, whole, note, starred, tone, cells }) {
    const box = made("input", { type: "checkbox", ariaLabel: `Choose ${title}`,
      onchange: () => this.choose(key, box.checked) });
    const star = made("button", { type: "button", className: "star", ariaLabel: `Star ${title}`,
      ariaPressed: String(starred), textContent: starred ? "★" : "☆",
      title: "Starred runs stay longest when the store is full.",
      onclick: () => this.ask({ star: [key, !starred] }) });
    box.dataset.name = `choose ${key}`;
    star.dataset.name = `star ${key}`;
    const line = made("tr", {}, made("td", { className: "tick" }, box, star),
      ...this.data.columns.map(({ name, number, short }, at) => {
        if (name === "name") {
          const parts = [title, ...(badge ? [" ", made("span", { className: "origin", textContent: badge })] : []),
            made("small", { textContent: settings, title: whole === settings ? "" : whole })];
          if (note) parts.push(made("small", { className: "note", textContent: note }));
          return made("th", { scope: "row", className: "of-name" }, ...parts);
        }
        const words = name === "verdict"
          ? made("span", { className: `verdict-words ${tone}`, textContent: cells[at] }) : cells[at];
        return made("td", { className:
          `of-${name}${number ? " number" : ""}${short ? " short" : ""}` }, words);
      }));
    line.dataset.key = key;
    return line;
  }

  choose(key, on) {
    this.chosen = this.chosen.filter((other) => other !== key);
    if (on) this.chosen.push(key);
    this.mark();
    this.told = Date.now();
    this.setStateValue("chosen", [this.told, this.chosen]);
  }

  mark() {
    for (const line of this.find("tbody").children) {
      const on = this.chosen.includes(line.dataset.key);
      line.classList.toggle("chosen", on);
      line.querySelector("input").checked = on;
    }
  }
}
