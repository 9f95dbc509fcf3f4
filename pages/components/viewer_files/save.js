// A chart to take along: as a drawing (SVG), as a picture (PNG) or as numbers (CSV).

const SAVED_STYLES = ["fill", "stroke", "stroke-width", "stroke-dasharray", "opacity", "font-size",
  "font-family", "font-weight"];
const SAVED_SCALE = 2; // pixels of the picture for each on the page

function saveMenu(svg, rowsOf, name) {
  const menu = made("details", { className: "save" },
    made("summary", { ariaLabel: `Save the chart: ${name}`, title: "Save this chart" },
      element("svg", { viewBox: "0 0 16 16", "aria-hidden": "true" },
        element("path", { d: "M8 2v8M4.5 7L8 10.5L11.5 7M3 13.5h10" }))));
  const file = name.toLowerCase().replaceAll(/[^a-z0-9]+/g, "-").replaceAll(/^-|-$/g, "");
  const ways = { SVG: () => download(drawingOf(svg), `${file}.svg`),
    PNG: async () => download(await pictureOfDrawing(svg), `${file}.png`),
    CSV: () => download(new Blob([csv(rowsOf())], { type: "text/csv" }), `${file}.csv`) };
  menu.append(made("div", {}, ...Object.entries(ways).map(([words, way]) =>
    made("button", { type: "button", textContent: words, onclick: () => {
      menu.open = false;
      way();
    } }))));
  return menu;
}

function download(blob, name) {
  const link = made("a", { href: URL.createObjectURL(blob), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}

// The chart as it is seen, without the page's style sheets: what they say is written into it.
function drawingOf(svg) {
  const copy = svg.cloneNode(true), { width, height } = svg.getBoundingClientRect();
  copy.setAttribute("xmlns", SVG);
  Object.entries({ width, height }).forEach(([key, value]) => copy.setAttribute(key, value));
  const parts = svg.querySelectorAll("*");
  copy.querySelectorAll("*").forEach((part, at) => {
    const seen = getComputedStyle(parts[at]);
    for (const name of SAVED_STYLES) part.style.setProperty(name, seen.getPropertyValue(name));
  });
  const paper = element("rect", { width: "100%", height: "100%", fill: paperOf(svg) });
  copy.insertBefore(paper, copy.firstChild);
  return new Blob([new XMLSerializer().serializeToString(copy)], { type: "image/svg+xml" });
}

// The page's own colour behind a chart: dark letters need light paper.
function paperOf(svg) {
  const ink = getComputedStyle(svg.querySelector("text") ?? svg).fill.match(/\d+/g) ?? [0, 0, 0];
  return ink.slice(0, 3).reduce((sum, part) => sum + Number(part), 0) > 382 ? "#0e1117" : "#ffffff";
}

async function pictureOfDrawing(svg) {
  const url = URL.createObjectURL(drawingOf(svg));
  const image = await loaded(url);
  URL.revokeObjectURL(url);
  const { width, height } = svg.getBoundingClientRect();
  const canvas = made("canvas", { width: SAVED_SCALE * width, height: SAVED_SCALE * height });
  canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
  return new Promise((resolve) => { canvas.toBlob(resolve, "image/png"); });
}

const csv = (rows) => rows.map((row) => row.map((cell) =>
  (/[",\n]/.test(cell) ? `"${String(cell).replaceAll('"', '""')}"` : cell)).join(",")).join("\r\n");
