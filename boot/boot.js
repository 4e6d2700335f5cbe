// Starts the client: finds its script and module in the page's preload links, checks the module's integrity, compiles it
// during the download, and shows an error if that fails. Runs before any Rust code.

const TEXT = {
  en: {
    noWebAssembly: "This browser cannot run Parlour: it has no WebAssembly. Please update it or use another one.",
    failed: "Parlour could not be loaded. Please check your connection and reload.",
    reload: "Reload",
  },
  zh: {
    noWebAssembly: "此浏览器不支持 WebAssembly，无法运行 Parlour。请更新浏览器或换用其他浏览器。",
    failed: "Parlour 未能加载。请检查网络连接后重新加载。",
    reload: "重新加载",
  },
};

// The client usually starts within this time, and drawing a loading screen would delay it.
const LOADING_SCREEN_DELAY_MS = 400;

document.getElementById("load-error").remove();
const boot = document.getElementById("boot");
setTimeout(() => (boot.hidden = false), LOADING_SCREEN_DELAY_MS);

function fail(reason) {
  if (!boot.isConnected) return;
  // The client shows an error of its own if it panics while it starts.
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
  const response = fetch(module.href, { integrity: module.integrity });
  // The client needs the configuration first. Hosts edit this file, so it has no hash in its name.
  globalThis.settings = fetch("config.json", { cache: "no-cache" });
  // Both are awaited later. Without a handler a failure would also be reported as unhandled.
  for (const request of [response, globalThis.settings]) request.catch(() => {});
  const { default: init } = await import(script.href);
  // The exports of the main module, for load_part.js. The client removes #boot when its first view is mounted.
  globalThis.client = init({ module_or_path: response });
  await globalThis.client;
  // The service worker would serve old files during development.
  if (navigator.serviceWorker && !developing) cachePage();
}

// Installs the service worker, with which the page opens without a network. The worker does not handle the requests of
// this visit, so they are repeated for its cache; the browser's HTTP cache answers them.
async function cachePage() {
  try {
    await navigator.serviceWorker.register(new URL("worker.js", document.baseURI));
    await navigator.serviceWorker.ready;
    const cache = await caches.open("parlour");
    const urls = performance.getEntriesByType("resource").map(({ name }) => name);
    const own = urls.filter((url) => url.startsWith(new URL(".", document.baseURI)));
    // The room's module may not have been requested yet.
    const room = document.querySelector('link[rel="part"]');
    await cache.addAll([...new Set([document.baseURI, ...own, ...(room ? [room.href] : [])])]);
  } catch {
    // Service workers are forbidden, or the storage is full. The page works, but only with a network.
  }
}

// Only `trunk serve` adds an inline script to the page; see reload.js.
const developing = document.querySelector("body > script:not([src])");
if (developing) import(new URL("reload.js", document.baseURI));

if (typeof WebAssembly === "object") {
  start().catch((error) => {
    console.error(error);
    // A cached file may be the cause. The next attempt downloads all files.
    globalThis.caches?.delete("parlour");
    fail("failed");
  });
} else {
  fail("noWebAssembly");
}
