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
// The time that a small file has to arrive. The client starts without the settings and in English if they do not arrive.
const TIMEOUT_MS = 10_000;

document.getElementById("load-error").remove();
const boot = document.getElementById("boot");
setTimeout(() => (boot.hidden = false), LOADING_SCREEN_DELAY_MS);

function fail(reason) {
  if (!boot.isConnected) return;
  // The client shows an error of its own if it panics while it starts.
  if (document.getElementById("crash")) return boot.remove();
  const chinese = /^zh/i.test(navigator.language);
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

// A file or a link that is dropped beside the text fields would replace the page.
for (const name of ["dragover", "drop"]) {
  addEventListener(name, (event) => {
    const { dataTransfer, target } = event;
    if (!dataTransfer || (target.closest?.("input, textarea") && !dataTransfer.types.includes("Files"))) return;
    dataTransfer.dropEffect = "none";
    event.preventDefault();
  });
}

// Requests a file that keeps its name when hosts change it, so a cached copy has to be revalidated.
globalThis.requestFile = (name) => fetch(name, { cache: "no-cache", signal: AbortSignal.timeout?.(TIMEOUT_MS) });

async function start() {
  if (!globalThis.device) throw new Error("device.js is missing");
  const script = document.querySelector('link[rel="modulepreload"]:not([href*="/snippets/"])');
  const module = document.querySelector('link[rel="preload"][type="application/wasm"]');
  const response = fetch(module.href, { integrity: module.integrity });
  // The client needs the configuration first.
  globalThis.settings = requestFile("config.json");
  // Both are awaited later. Without a handler a failure would also be reported as unhandled.
  for (const request of [response, globalThis.settings]) request.catch(() => {});
  const { default: init } = await import(script.href);
  // The exports of the main module, for load_part.js. The client removes #boot when its first view is mounted.
  globalThis.client = init({ module_or_path: response });
  await globalThis.client;
  // The service worker would serve old files during development.
  if (!developing) storePage();
}

// Resolves to whether the host serves another build than this page by now, whose parts have other names.
globalThis.isOutdated = async () => {
  const response = await fetch(location.pathname, { cache: "no-store", signal: AbortSignal.timeout?.(TIMEOUT_MS) });
  const page = new DOMParser().parseFromString(await response.text(), "text/html");
  const names = (of) => Array.from(of.querySelectorAll('link[rel="part"]'), (part) => part.getAttribute("href"));
  const served = names(page);
  return served.length > 0 && names(document).some((name) => !served.includes(name));
};

// Installs the service worker, and has it store the build, with which the page opens without a network.
async function storePage() {
  try {
    await navigator.serviceWorker.register(new URL("worker.js", document.baseURI));
    const { active } = await navigator.serviceWorker.ready;
    const files = performance.getEntriesByType("resource").map(({ name }) => name);
    active.postMessage([location.origin + location.pathname, ...files]);
  } catch {
    // There are no service workers, or they are forbidden. The page works, but only with a network.
  }
}

// Only `trunk serve` adds an inline script to the page; see reload.js.
const developing = document.querySelector("body > script:not([src])");
if (developing) import(new URL("reload.js", document.baseURI));

const address = new URL(document.baseURI);
if (address.username || address.password) {
  // Requests of relative addresses would contain the password too, which browsers refuse. They remember it anyway.
  address.username = address.password = "";
  location.replace(address);
} else if (typeof WebAssembly === "object") {
  start().catch((error) => {
    console.error(error);
    // A damaged file in the service worker's cache may be the cause. The worker replaces it.
    if (!developing) storePage();
    fail("failed");
  });
} else {
  fail("noWebAssembly");
}
