// Loads parts of the client: modules that share memory and tables with the main module, and stylesheets. The build adds this
// file to the snippets of the main script (see xtask/bindgen), and a link for each file to the page; its `data-parts` names
// the parts that need the file. A page that is built as one module does not load this file.

// By address: the attempt in progress, or the one that succeeded.
const files = new Map();
let cache = "default";

async function loadFile({ href, integrity }) {
  try {
    const response = await fetch(href, { integrity, cache });
    if (href.endsWith(".css")) {
      const sheet = new CSSStyleSheet();
      sheet.replaceSync(await response.text());
      document.adoptedStyleSheets.push(sheet);
      return true;
    }
    const bytes = await response.arrayBuffer();
    await WebAssembly.instantiate(bytes, { __wasm_split: await globalThis.client });
    return true;
  } catch (error) {
    // A warning: the client reports it, and the page may just be being left, which ends its requests in Firefox.
    console.warn(href, error);
    // The cached file may be the cause: the next attempt uses neither the browser's cache nor the service worker's.
    cache = "reload";
    files.delete(href);
    return false;
  }
}

// `callback` and `data` are from the client: the table index of a callback, and the callback's first argument.
async function loadPart(part, callback, data) {
  const links = document.querySelectorAll(`link[rel="part"][data-parts~="${part}"]`);
  const loading = Array.from(links, (link) => {
    if (!files.has(link.href)) files.set(link.href, loadFile(link));
    return files.get(link.href);
  });
  const loaded = (await Promise.all(loading)).every(Boolean);
  const { __indirect_function_table: functions } = await globalThis.client;
  functions.get(callback)(data, loaded);
}

export const __wasm_split_load_room = (callback, data) => loadPart("room", callback, data);
export const __wasm_split_load_message = (callback, data) => loadPart("message", callback, data);
export const __wasm_split_load_members = (callback, data) => loadPart("members", callback, data);
export const __wasm_split_load_side = (callback, data) => loadPart("side", callback, data);
export const __wasm_split_load_search = (callback, data) => loadPart("search", callback, data);
export const __wasm_split_load_dialogs = (callback, data) => loadPart("dialogs", callback, data);
export const __wasm_split_load_markup = (callback, data) => loadPart("markup", callback, data);
export const __wasm_split_load_emoji = (callback, data) => loadPart("emoji", callback, data);
export const __wasm_split_load_account = (callback, data) => loadPart("account", callback, data);
export const __wasm_split_load_settings = (callback, data) => loadPart("settings", callback, data);
export const __wasm_split_load_diagnostics = (callback, data) => loadPart("diagnostics", callback, data);
