// What a page carries of the viewer's code: it fetches the rest, which the browser keeps for all pages
// and visits. The rest is `feed.js`, `plane.js`, `charts.js` and `viewer.js`, as one file.

const SECOND = 1000; // milliseconds until the next attempt, twice as long after each
const LONGEST = 30000;

const loaded = (globalThis.ganLabCode ??= {}); // address -> what it exports, for both parts

function load(address, onFailure) {
  loaded[address] ??= attempt(address, 0);
  return loaded[address];

  async function attempt(address, failures) {
    const again = failures ? `?again=${failures}` : ""; // browsers remember that it failed
    try {
      // This runs as a blob, which has no address of its own.
      return await import(new URL(address + again, document.baseURI).href);
    } catch {
      onFailure();
      const wait = Math.min(LONGEST, SECOND * 2 ** failures);
      await new Promise((resolve) => setTimeout(resolve, wait));
      return attempt(address, failures + 1);
    }
  }
}

function say(root, words) {
  const progress = root.querySelector(".words");
  if (progress) progress.textContent = words;
}

export default function (component) {
  const root = component.parentElement;
  const failed = () => say(root, "The server cannot be reached; this page keeps trying.");
  root.ganLabLeft = false;
  load(component.data.code, failed).then((viewer) => {
    if (!root.ganLabLeft) viewer.show(component);
  });
  return () => {
    root.ganLabLeft = true;
    root.ganLabViewer?.close();
    delete root.ganLabViewer;
  };
}
