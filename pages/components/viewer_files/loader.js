// What a page carries of the viewer's code: it fetches the rest, which the browser keeps for all pages
// and visits. The rest is all other scripts of this folder, as one file: `viewer_code.py` lists them.

const SECOND = 1000; // milliseconds until the next attempt, twice as long after each
const LONGEST = 30000;

// By address: what the code exports, and whom to tell that it does not come. All parts of a page share
// one attempt, and each has words of its own.
const loading = (globalThis.ganLabCode ??= {});

function load(address, onFailure) {
  const code = (loading[address] ??= { listeners: [], failures: 0, loaded: false });
  if (!code.loaded) {
    code.listeners.push(onFailure);
    if (code.failures) onFailure();
  }
  code.module ??= attempt();
  return code.module;

  async function attempt() {
    const again = code.failures ? `?again=${code.failures}` : ""; // browsers remember that it failed
    try {
      // This runs as a blob, which has no address of its own.
      const module = await import(new URL(address + again, document.baseURI).href);
      code.loaded = true;
      code.listeners.length = 0;
      return module;
    } catch {
      const wait = Math.min(LONGEST, SECOND * 2 ** code.failures);
      code.failures += 1;
      for (const listener of code.listeners) listener();
      await new Promise((resolve) => setTimeout(resolve, wait));
      return attempt();
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
