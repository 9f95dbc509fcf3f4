// Samples at a step: an image sheet, or points in the plane with what D thinks of each place.

const SCATTERED = 1500; // points that are drawn: more would hide each other
const BLUE = [47, 134, 214], ORANGE = [217, 112, 30], INK = "#16181d", GREEN = "#2a9d72";

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

// The sheet takes the place of what is in `slot` once it has arrived: nothing flickers.
async function showSheet(slot, feed, view, step, words) {
  const image = await loaded(pictureOf(feed, view, step, "png"));
  if (slot.wanted !== `${feed.address}/${view}/${step}`) return;
  image.alt = words;
  slot.replaceChildren(image);
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
    ? loaded(pictureOf(feed, "surface", step, "png")).catch(() => null) : null;
  const points = await pointsOf(pictureOf(feed, view, step, "npy"));
  const scores = await surface;
  if (slot.wanted !== `${feed.address}/${view}/${step}`) return;
  const canvas = document.createElement("canvas");
  const { captured } = drawPlane(canvas, points, scores, plane);
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", `${words}: ${captured} of ${plane.centres.length} modes are `
    + "captured, drawn as filled rings, the others hollow. Behind them what D thinks of each place: "
    + "blue is generated, orange is real.");
  const scale = Object.assign(document.createElement("p"), { className: "scale" });
  scale.append("D: generated", document.createElement("i"), "real");
  slot.replaceChildren(canvas, scale);
}

function drawPlane(canvas, points, scores, { centres, extent, sigma }) {
  const size = (canvas.width = canvas.height = 600);
  const pen = canvas.getContext("2d");
  const place = (x, y) => [((x + extent) / (2 * extent)) * size, ((extent - y) / (2 * extent)) * size];
  pen.fillStyle = "#ffffff";
  pen.fillRect(0, 0, size, size);
  if (scores) drawScores(pen, scores, size);
  pen.fillStyle = INK;
  pen.globalAlpha = 0.5;
  for (let at = 0; at < Math.min(points.length, 2 * SCATTERED); at += 2) {
    pen.beginPath();
    pen.arc(...place(points[at], points[at + 1]), 3, 0, 2 * Math.PI);
    pen.fill();
  }
  pen.globalAlpha = 1;
  const hit = capturedBy(points, centres, 3 * sigma);
  centres.forEach(([x, y], mode) => {
    pen.beginPath();
    pen.arc(...place(x, y), 12, 0, 2 * Math.PI);
    pen.lineWidth = 3;
    pen.strokeStyle = INK;
    if (hit[mode]) {
      pen.globalAlpha = 0.85;
      pen.fillStyle = GREEN;
      pen.fill();
      pen.globalAlpha = 1;
    }
    pen.stroke();
  });
  return { captured: hit.filter(Boolean).length };
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

// White is "D cannot tell", so the plane is white in the dark too.
function drawScores(pen, scores, size) {
  const small = document.createElement("canvas");
  [small.width, small.height] = [scores.naturalWidth, scores.naturalHeight];
  const brush = small.getContext("2d");
  brush.drawImage(scores, 0, 0);
  const pixels = brush.getImageData(0, 0, small.width, small.height);
  for (let at = 0; at < pixels.data.length; at += 4) {
    const score = pixels.data[at] / 255;
    const [end, share] = score < 0.5 ? [BLUE, 1 - 2 * score] : [ORANGE, 2 * score - 1];
    for (let part = 0; part < 3; part += 1) {
      pixels.data[at + part] = 255 + (end[part] - 255) * share;
    }
  }
  brush.putImageData(pixels, 0, 0);
  pen.imageSmoothingEnabled = false;
  pen.drawImage(small, 0, 0, size, size);
}
