// Starts the client: finds its files in the page's preload links, checks the module's integrity, compiles it
// while it downloads, and says what happened when that fails. Runs before any Rust does.

const TEXT = {
  en: {
    old: "This browser cannot run Parlour: it has no WebAssembly. Please update it or use another one.",
    failed: "Parlour could not be loaded. Please check your connection and reload.",
    reload: "Reload",
  },
  zh: {
    old: "此浏览器不支持 WebAssembly，无法运行 Parlour。请更新浏览器或换用其他浏览器。",
    failed: "Parlour 未能加载。请检查网络连接后重新加载。",
    reload: "重新加载",
  },
};

document.getElementById("late").remove();
const boot = document.getElementById("boot");
// In ms. Most often the page stands by then, and sooner without this.
setTimeout(() => (boot.hidden = false), 400);

function fail(reason) {
  if (!boot.isConnected) return;
  // A client that stopped while starting has said so itself.
  if (document.getElementById("crash")) return boot.remove();
  const chinese = navigator.language.toLowerCase().startsWith("zh");
  const text = chinese ? TEXT.zh : TEXT.en;
  const sentence = document.createElement("p");
  sentence.className = "boot-text";
  sentence.textContent = text[reason];
  const button = document.createElement("button");
  button.className = "boot-reload";
  button.type = "button";
  button.textContent = text.reload;
  button.addEventListener("click", () => location.reload());
  boot.lang = chinese ? "zh" : "en";
  boot.setAttribute("role", "alert");
  boot.classList.add("boot-failed");
  boot.hidden = false;
  boot.replaceChildren(sentence, button);
}

async function start() {
  if (!globalThis.device) throw new Error("device.js is missing");
  const script = document.querySelector('link[rel="modulepreload"]:not([href*="/snippets/"])');
  const module = document.querySelector('link[rel="preload"][type="application/wasm"]');
  const bytes = fetch(module.href, { integrity: module.integrity });
  // The client wants this first of all. The file can be changed without a new name.
  globalThis.settings = fetch("config.json", { cache: "no-cache" });
  // Awaited later; this only keeps a failure here from being reported twice.
  for (const asked of [bytes, globalThis.settings]) asked.catch(() => {});
  const { default: init } = await import(script.href);
  // The client takes #boot away once its first view stands.
  await init({ module_or_path: bytes });
  // With it the page opens without a network. Not while it is worked on: reload.js is only there then.
  if (navigator.serviceWorker && !developing) keep();
}

// The worker is in time for the next visit; what this visit has loaded, it loads again, from the browser's cache.
async function keep() {
  try {
    await navigator.serviceWorker.register(new URL("worker.js", document.baseURI));
    await navigator.serviceWorker.ready;
    const cache = await caches.open("parlour");
    const urls = performance.getEntriesByType("resource").map(({ name }) => name);
    const own = urls.filter((url) => url.startsWith(new URL(".", document.baseURI)));
    // The room is loaded after the login page, which may be later than now.
    const room = document.querySelector('link[rel="part"]');
    await cache.addAll([...new Set([document.baseURI, ...own, ...(room ? [room.href] : [])])]);
  } catch {
    // Forbidden or full: the page needs a network then.
  }
}

// Only `trunk serve` adds an inline script: see there.
const developing = document.querySelector("body > script:not([src])");
if (developing) import(new URL("reload.js", document.baseURI));

if (typeof WebAssembly === "object") {
  start().catch((error) => {
    console.error(error);
    // What the worker keeps may be what is wrong: the next attempt gets all of it anew.
    globalThis.caches?.delete("parlour");
    fail("failed");
  });
} else {
  fail("old");
}
