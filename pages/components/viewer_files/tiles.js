// One image of a sheet, large: which digit it is, what D thinks of it, the training image nearest to
// it, and what G makes on the way from the first latent of its row to the last.

const COLUMNS = 8; // of a sheet
const PITCH = 58, TILE = 56; // pixels of a sheet from image to image, and of an image: doubled
const SMALL = 28; // of an image on the sheets of neighbours and of walks

class TileView {
  constructor(root, closed) {
    this.root = root;
    this.closed = closed;
    this.shown = "";
  }

  // The image `index` of the sheet at `step`, with what the run's evaluation said of it, if it was
  // evaluated then; `noun` is what it may show. Nothing is drawn anew that is there already.
  async draw({ feed, view, step, index, title, noun }) {
    const wanted = `${feed.address} ${view} ${step} ${index}`;
    if (wanted === this.shown) return;
    this.shown = wanted;
    const sheet = await keep(pictureOf(feed, view, step, "png"), loaded);
    const known = view === "samples" && (feed.pictures.nearest ?? []).includes(step);
    const [nearest, walk, told] = known ? await Promise.all([
      keep(pictureOf(feed, "nearest", step, "png"), loaded).catch(() => null),
      keep(pictureOf(feed, "walk", step, "png"), loaded).catch(() => null),
      keep(`${feed.address}/tiles/${step}`, tilesOf).catch(() => null)]) : [null, null, null];
    if (wanted !== this.shown) return;
    const [row, column] = [Math.floor(index / COLUMNS), index % COLUMNS];
    const large = cut(sheet, column * PITCH, row * PITCH, TILE, "tile-large", "The sample, large");
    this.root.replaceChildren(
      made("button", { type: "button", className: "close", ariaLabel: "Close the image",
        textContent: "✕", onclick: () => this.closed() }),
      made("p", {}, bold(`${title}, step ${step}`),
        ` · row ${row + 1}, column ${column + 1}`),
      made("div", { className: "tile-pair" }, large, ...(nearest ? [made("figure", {},
        cut(nearest, column * SMALL, row * SMALL, SMALL, "tile-large", "The nearest training image"),
        made("figcaption", { textContent: "nearest training image" }))] : [])),
      made("p", { textContent: wordsOf(told, index, known, noun) }),
      ...(walk ? [made("p", { textContent: `From the first latent of row ${row + 1} to its last:` }),
        made("div", { className: "tile-walk" }, ...Array.from({ length: COLUMNS }, (_, along) =>
          cut(walk, along * SMALL, row * SMALL, SMALL, "", "")))] : []));
  }
}

function wordsOf(told, index, known, noun) {
  if (!known) return `Which ${noun} it is, and D's score, are known where the run was evaluated.`;
  if (!told?.modes.length) return "";
  const mode = told.modes[index], score = told.scores[index];
  const shown = mode < 0 ? `no recognisable ${noun}` : `recognised as ${mode}`;
  return score === undefined ? shown : `${shown}; D's score ${score.toFixed(2)} (1 = real)`;
}

async function tilesOf(url) {
  const answer = await fetch(url);
  if (!answer.ok) throw new Error(`status ${answer.status}`);
  return answer.json();
}

// A square of an image, as a picture of its own.
function cut(image, left, top, side, className, words) {
  const canvas = made("canvas", { width: side, height: side, className });
  canvas.getContext("2d").drawImage(image, left, top, side, side, 0, 0, side, side);
  if (words) {
    canvas.setAttribute("role", "img");
    canvas.setAttribute("aria-label", words);
  } else canvas.setAttribute("aria-hidden", "true");
  return canvas;
}

// Which image of a sheet lies under the pointer.
function tileAt(event, image) {
  const box = image.getBoundingClientRect();
  const place = (at, from, length) =>
    Math.min(COLUMNS - 1, Math.max(0, Math.floor((COLUMNS * (at - from)) / length)));
  return COLUMNS * place(event.clientY, box.top, box.height)
    + place(event.clientX, box.left, box.width);
}
