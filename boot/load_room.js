// Loads the room's module, which shares memory and tables with the main module. The build adds this file to the
// snippets of the main script (see xtask/bindgen); a page that is built as one module does not load it.

// The attempt in progress, or the one that succeeded.
let attempt;
let cache = "default";

async function load() {
  const { href, integrity } = document.querySelector('link[rel="part"]');
  try {
    const response = await fetch(href, { integrity, cache });
    const bytes = await response.arrayBuffer();
    await WebAssembly.instantiate(bytes, { __wasm_split: await globalThis.client });
    return true;
  } catch (error) {
    console.error(error);
    // The cached file may be the cause: the next attempt uses neither the browser's cache nor the service worker's.
    cache = "reload";
    attempt = undefined;
    return false;
  }
}

// Called by the client with the table index of a callback, and the callback's first argument.
export async function __wasm_split_load_room(callback, data) {
  const loaded = await (attempt ??= load());
  const { __indirect_function_table: functions } = await globalThis.client;
  functions.get(callback)(data, loaded);
}
