// Samples at a step: an image sheet, or points in the plane with what D thinks of each place.

const SCATTERED = 1500; // points that are drawn: more would hide each other
const REAL = [47, 134, 214], GENERATED = [217, 112, 30]; // one colour each on all pages
const INK = "#16181d";
const ARROWS = 48; // on so many of the points
const LONGEST_ARROW = 44; // of 600 pixels, at a slope of STEEP a pixel of the scores
const STEEP = 0.06, FLAT = 0.002; // one grey of 255, over two pixels, is 0.002
const PUSH = "#8a4fb8"; // D's colour in the charts, a little darker
const NET = "#0f7d93"; // G's colour in the charts, a little darker
const TRAIL = 3; // earlier sheets that are still to be seen, paler and paler
const FEW = 12; // modes, whose numbers may be large

const pictureOf = (feed, view, step, ending) =>
  `${feed.address}/pictures/${view}/${String(step).padStart(6, "0")}.${ending}`;

// Why a picture does not come, in the server's words; "" where it comes, or the server is silent.
async function problemOf(url) {
  try {
    const answer = await fetch(url, { cache: "no-store" });
    return answer.ok ? "" : await problemIn(answer);
  } catch {
    return "";
  }
}

async function loaded(url) {
  const image = new Image();
  image.src = url;
  await image.decode();
  return image;
}

// What has been fetched, by address: a sheet that is played again is there at once.
const kept = new Map();
const MOST_KEPT = 400;

function keep(url, fetching) {
  if (!kept.has(url)) {
    if (kept.size >= MOST_KEPT) kept.delete(kept.keys().next().value);
    const coming = fetching(url).then((content) => (coming.content = content));
    kept.set(url, coming);
    coming.catch(() => kept.delete(url));
  }
  return kept.get(url);
}

// What is shown of a run at a step, fetched ahead; nothing is said where it does not come.
const fetched = (feed, view, step, points) => Promise.all(points
  ? [keep(pictureOf(feed, view, step, "npy"), pointsOf),
    view === "samples" && feed.pictures.grid?.includes(step)
      ? keep(pictureOf(feed, "grid", step, "npy"), pointsOf) : null,
    feed.pictures.surface?.includes(step)
      ? keep(pictureOf(feed, "surface", step, "png"), loaded) : null]
  : [keep(pictureOf(feed, view, step, "png"), loaded)]).catch(() => null);

// The sheet takes the place of what is in `slot` once it has arrived: nothing flickers.
async function showSheet(slot, feed, view, step, words) {
  const coming = keep(pictureOf(feed, view, step, "png"), loaded);
  const image = coming.content ?? (await coming);
  if (slot.wanted !== `${feed.address}/${view}/${step}`) return;
  const shown = image.parentNode && image.parentNode !== slot ? image.cloneNode() : image;
  shown.alt = words;
  slot.replaceChildren(shown); // one run may stand on both sides
}

// Points, (n, 2) as float32 in NumPy's format: numpy.lib.format, version 1.0.
async function pointsOf(url) {
  const answer = await fetch(url);
  if (!answer.ok) throw new Error(`status ${answer.status}`);
  const bytes = await answer.arrayBuffer();
  return new Float32Array(bytes.slice(10 + new DataView(bytes).getUint16(8, true)));
}

async function showPlane(slot, feed, view, step, words, plane) {
  const surface = feed.pictures.surface?.includes(step)
    ? keep(pictureOf(feed, "surface", step, "png"), loaded).catch(() => null) : null;
  const warped = view === "samples" && feed.pictures.grid?.includes(step)
    ? keep(pictureOf(feed, "grid", step, "npy"), pointsOf).catch(() => null) : null;
  const points = await keep(pictureOf(feed, view, step, "npy"), pointsOf);
  const [scores, grid] = [await surface, await warped];
  if (slot.wanted !== `${feed.address}/${view}/${step}`) return;
  const canvas = document.createElement("canvas");
  const trail = trailOf(feed, view, step);
  const { captured, outside } = drawPlane(canvas, points, scores, plane, { grid, trail });
  const lost = outside ? ` ${outside} of ${points.length / 2} outside` : "";
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", `${words}: ${captured} of ${plane.centres.length} modes are `
    + "captured, drawn as filled rings, the others hollow. Behind them what D thinks of each place: "
    + "orange is generated, blue is real; arrows show where D's slope pushes samples, the net where "
    + `G takes a square grid of latents.${trail.length ? " Pale: samples of the sheets before." : ""}`
    + `${lost && `${lost} the picture.`}`);
  const notes = [trail.length && " · pale: earlier steps", lost && ` ·${lost}`].filter(Boolean);
  const scale = made("p", { className: "scale" }, "D: generated", made("i"), "real",
    ...notes.map((words) => made("span", { textContent: words })));
  slot.replaceChildren(canvas, scale);
}

// The points of the sheets just before, as far as they have been fetched: the newest first.
function trailOf(feed, view, step) {
  const steps = feed.pictures[view] ?? [], at = placeAt(steps, step - 1);
  return steps.slice(Math.max(0, at + 1 - TRAIL), at + 1).reverse()
    .map((each) => kept.get(pictureOf(feed, view, each, "npy"))?.content).filter(Boolean);
}

function drawPlane(canvas, points, scores, { centres, extent, sigma }, { grid, trail }) {
  const size = (canvas.width = canvas.height = 600);
  const pen = canvas.getContext("2d");
  const place = (x, y) => [((x + extent) / (2 * extent)) * size, ((extent - y) / (2 * extent)) * size];
  pen.fillStyle = "#ffffff";
  pen.fillRect(0, 0, size, size);
  if (scores) drawScores(pen, scores, size);
  trail.forEach((before, age) => drawPoints(pen, before, place, 0.12 / (age + 1)));
  if (grid) drawNet(pen, grid, place);
  drawPoints(pen, points, place, 0.5);
  const hit = capturedBy(points, centres, 3 * sigma);
  const numbers = centres.length > FEW ? 19 : 26;
  centres.forEach(([x, y], mode) => drawMode(pen, place(x, y), mode, hit[mode], numbers));
  if (scores) drawSlopes(pen, points, slopesOf(scores), place, extent);
  const inside = (value) => Math.abs(value) <= extent;
  let outside = 0;
  for (let at = 0; at < points.length; at += 2) {
    if (!(inside(points[at]) && inside(points[at + 1]))) outside += 1;
  }
  return { captured: hit.filter(Boolean).length, outside };
}

function drawPoints(pen, points, place, alpha) {
  pen.fillStyle = INK;
  pen.globalAlpha = alpha;
  for (let at = 0; at < Math.min(points.length, 2 * SCATTERED); at += 2) {
    pen.beginPath();
    pen.arc(...place(points[at], points[at + 1]), 3, 0, 2 * Math.PI);
    pen.fill();
  }
  pen.globalAlpha = 1;
}

// Where G takes a square grid of latents, (side², 2): its rows and columns as lines.
function drawNet(pen, grid, place) {
  const side = Math.round(Math.sqrt(grid.length / 2));
  Object.assign(pen, { strokeStyle: NET, lineWidth: 1.5, globalAlpha: 0.7 });
  const at = (row, column) => {
    const start = 2 * (row * side + column);
    return place(grid[start], grid[start + 1]);
  };
  for (const turned of [false, true]) {
    for (let line = 0; line < side; line += 1) {
      pen.beginPath();
      for (let along = 0; along < side; along += 1) {
        const [x, y] = turned ? at(along, line) : at(line, along);
        if (along) pen.lineTo(x, y);
        else pen.moveTo(x, y);
      }
      pen.stroke();
    }
  }
  pen.globalAlpha = 1;
}

// A mode, filled where it is captured, with the number that its bar has in the histogram.
function drawMode(pen, [x, y], mode, captured, letters) {
  pen.beginPath();
  pen.arc(x, y, 13, 0, 2 * Math.PI);
  pen.lineWidth = 3;
  pen.strokeStyle = pen.fillStyle = INK;
  if (captured) pen.fill();
  pen.stroke();
  Object.assign(pen, { font: `bold ${letters}px sans-serif`, textAlign: "left",
    textBaseline: "bottom", lineWidth: 5, strokeStyle: "#ffffff" });
  pen.strokeText(mode, x + 11, y - 9);
  pen.fillText(mode, x + 11, y - 9);
}

// Where D's score rises at some of the samples, and how steeply: the way G is pushed. No arrow where
// D is flat.
function drawSlopes(pen, points, slopeAt, place, extent) {
  Object.assign(pen, { strokeStyle: PUSH, fillStyle: PUSH, lineWidth: 3 });
  const every = Math.max(1, Math.floor(points.length / 2 / ARROWS));
  for (let at = 0; at + 1 < points.length; at += 2 * every) {
    const [x, y] = [points[at], points[at + 1]];
    const [right, up] = slopeAt((x + extent) / (2 * extent), (extent - y) / (2 * extent));
    const steep = Math.hypot(right, up);
    if (steep < FLAT) continue;
    const length = LONGEST_ARROW * (0.4 + 0.6 * Math.min(1, steep / STEEP));
    drawArrow(pen, place(x, y), [right / steep, -up / steep], length);
  }
}

function drawArrow(pen, [x, y], [right, down], length) {
  const [tipX, tipY] = [x + length * right, y + length * down];
  pen.beginPath();
  pen.moveTo(x, y);
  pen.lineTo(tipX, tipY);
  pen.stroke();
  pen.beginPath();
  pen.moveTo(tipX + 10 * right, tipY + 10 * down);
  pen.lineTo(tipX - 6 * down, tipY + 6 * right);
  pen.lineTo(tipX + 6 * down, tipY - 6 * right);
  pen.fill();
}

// D's slope at a place of the plane, both from 0 to 1 and from the top left: by differences between
// the pixels of its scores; rises to the right and upwards are positive.
function slopesOf(scores) {
  const { width, height, data } = pixelsOf(scores);
  const score = (column, row) => data[4 * (row * width + column)] / 255;
  const within = (value, count) => Math.min(count - 2, Math.max(1, Math.floor(value * count)));
  return (x, y) => {
    if (!(x >= 0 && x <= 1 && y >= 0 && y <= 1)) return [0, 0];
    const [column, row] = [within(x, width), within(y, height)];
    return [(score(column + 1, row) - score(column - 1, row)) / 2,
      (score(column, row - 1) - score(column, row + 1)) / 2];
  };
}

// Which centres have at least one point within `radius` that is nearest to them.
function capturedBy(points, centres, radius) {
  const hit = centres.map(() => false);
  for (let at = 0; at < points.length; at += 2) {
    let nearest = 0, least = Infinity;
    centres.forEach(([x, y], mode) => {
      const distance = Math.hypot(points[at] - x, points[at + 1] - y);
      if (distance < least) [nearest, least] = [mode, distance];
    });
    if (least < radius) hit[nearest] = true;
  }
  return hit;
}

function pixelsOf(image) {
  const small = made("canvas", { width: image.naturalWidth, height: image.naturalHeight });
  const brush = small.getContext("2d", { willReadFrequently: true });
  brush.drawImage(image, 0, 0);
  return brush.getImageData(0, 0, small.width, small.height);
}

// White is "D cannot tell", so the plane is white in the dark too.
function drawScores(pen, scores, size) {
  const pixels = pixelsOf(scores);
  for (let at = 0; at < pixels.data.length; at += 4) {
    const score = pixels.data[at] / 255;
    const [end, share] = score < 0.5 ? [GENERATED, 1 - 2 * score] : [REAL, 2 * score - 1];
    for (let part = 0; part < 3; part += 1) {
      pixels.data[at + part] = 255 + (end[part] - 255) * share;
    }
  }
  const small = made("canvas", { width: pixels.width, height: pixels.height });
  small.getContext("2d").putImageData(pixels, 0, 0);
  pen.imageSmoothingEnabled = false;
  pen.drawImage(small, 0, 0, size, size);
}
