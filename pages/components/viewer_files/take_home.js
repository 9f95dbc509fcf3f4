// Files to take home: a row for each kind, with a link for each of the runs that it can be of. The
// server makes a file when its link is pressed; what keeps it from that is said below the rows.

const WAITING = "Others are taking theirs home: this one waits its turn …";
const TRIES = 8; // each of which the server lets wait for some seconds
const NOT_REACHED = "The server cannot be reached; try again in a moment.";
const NAME_OF_FILE = /filename="([^"/\\]+)"/;

// Fetch a file and have the browser save it; what the visitor is told, "" where it was saved.
async function takeHome(address, say) {
  let answer;
  try {
    answer = await inItsTurn(address, say);
    if (answer.ok) {
      const [, name] = NAME_OF_FILE.exec(answer.headers.get("Content-Disposition")) ?? [];
      download(await answer.blob(), name ?? "gan");
      return "";
    }
  } catch {
    return NOT_REACHED;
  }
  try {
    return (await answer.json()).problem ?? NOT_REACHED;
  } catch {
    return NOT_REACHED;
  }
}

// The server's answer. It makes one large file at a time, and says by "Retry-After" that others are
// before this one; we then ask again a few times, not all of a class at the same moment.
async function inItsTurn(address, say) {
  for (let tried = 1; ; tried += 1) {
    const answer = await fetch(address, { cache: "no-store" });
    const seconds = Number(answer.headers.get("Retry-After"));
    if (answer.status !== 503 || !seconds || tried === TRIES) return answer;
    say(WAITING);
    const pause = Math.min(seconds * (1 + tried), 10) * (0.25 + Math.random() / 2);
    await new Promise((resolve) => { setTimeout(resolve, 1000 * pause); });
  }
}

// What a link does when it is pressed: it saves, and `say` gets a sentence on how that goes. Without
// it, as with "Save link as", the address is that of the file as well.
function savesItself(link, say) {
  link.onclick = async (event) => {
    event.preventDefault();
    if (link.ariaBusy === "true") return;
    link.ariaBusy = "true";
    say("Making it …");
    const told = await takeHome(link.href, say);
    link.ariaBusy = "false";
    say(told || "Saved.");
  };
  return link;
}

class TakeHomeViewer {
  constructor(root) {
    this.root = root;
    this.find = (selector) => root.querySelector(selector);
  }

  take({ data }) {
    const drawn = JSON.stringify(data);
    if (drawn === this.drawn) return; // a link that is being made stays as it is
    const first = this.drawn === undefined;
    this.drawn = drawn;
    this.data = data;
    this.find(".files").replaceChildren(...data.files.map((file) => this.row(file)));
    // A popover lies at the end of the page: a keyboard would come to it after all the rest.
    if (first && document.activeElement?.closest('[data-testid="stPopover"]')) {
      this.find(".files a").focus({ preventScroll: true });
    }
  }

  close() {}

  row(file) {
    const row = made("li", {}, made("span", { className: "about" }, bold(file.label),
      made("small", { textContent: file.help })));
    const links = made("span", { className: "links" });
    const select = file.choices ? this.choice(file) : null;
    if (select) links.append(select);
    for (const { words, address, query } of file.links) {
      const link = made("a", { textContent: words, download: "",
        ariaLabel: `${file.label}: ${words}`, rel: "nofollow" });
      const point = () => { link.href = `${address}?${this.question(query, file, select)}`; };
      point();
      savesItself(link, (told) => this.say(told));
      const save = link.onclick;
      link.onclick = (event) => { point(); return save(event); };
      links.append(link);
    }
    row.append(links);
    return row;
  }

  choice(file) {
    return made("select", { ariaLabel: file.label },
      ...file.choices.map(([value, words]) => made("option", { value, textContent: words })));
  }

  // What only the browser knows: the moment that is shown, and what was answered beside the sheets.
  question(query, file, select) {
    const asked = new URLSearchParams(query), moment = this.moment();
    if (file.uses.includes("at") && moment?.step != null) asked.set("at", moment.step);
    if (file.uses.includes("predicted") && !asked.has("predicted") && moment?.predicted != null) {
      asked.set("predicted", moment.predicted);
    }
    if (file.uses.includes("link")) asked.set("scheme", location.protocol.replace(":", ""));
    if (select?.value) asked.set("chart", select.value);
    return asked;
  }

  moment() {
    return this.data.moment ? moments.get(this.data.moment) : null;
  }

  say(words) {
    this.find(".told").textContent = words;
  }
}
