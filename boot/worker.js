// The service worker: keeps one complete build of the page, with which the page opens without a network.
//
// The cache has the page under the address of its folder, the files that the page names with their integrity, and the
// settings and translations. A build is stored only after all of its files were downloaded and match their integrity, so
// neither an error page, nor the login page of a network, nor a deployment in progress replaces it. Requests are answered
// before anything is stored. A cache that fails or does not answer counts as empty.

const CACHE = "parlour";
const FOLDER = self.registration.scope;
const PAGES = [FOLDER, `${FOLDER}index.html`];
// A file whose name has a hash of its content.
const HASHED = /-[0-9a-f]{12,}(_bg)?\.(js|wasm|css|svg)$/;
// The page of every build preloads this file.
const CLIENT = /\/parlour-client-[0-9a-f]{12,}_bg\.wasm$/;
// Files that hosts may edit, which the client reads when it needs them.
const EDITED = /^(config|(lang|emoji)\/[\w-]+)\.json$/;
// The time that the network has before a stored copy is used instead.
const NETWORK_TIMEOUT_MS = 5000;
const CACHE_TIMEOUT_MS = 1000;

// ---- answering

const after = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

// The address under which the answer to a request is stored; `undefined` if it is none of the bundle's files, and for a
// request of only a part of a file, with credentials of its own, or past the cache.
function storedAs({ method, mode, url, headers, cache }) {
  if (method !== "GET" || headers.has("authorization") || headers.has("range")) return undefined;
  const { origin, pathname, search } = new URL(url);
  const address = origin + pathname;
  if (mode === "navigate") return PAGES.includes(address) ? FOLDER : undefined;
  const isFile = !search && (HASHED.test(address) || isEdited(address));
  return isFile && address.startsWith(FOLDER) && cache !== "reload" && cache !== "no-store" ? address : undefined;
}

const isEdited = (address) => address.startsWith(FOLDER) && EDITED.test(address.slice(FOLDER.length));

async function find(address) {
  try {
    // The address alone decides, so the request headers that `Vary` names are not compared.
    const found = caches.match(address, { cacheName: CACHE, ignoreVary: true });
    return await Promise.race([found, after(CACHE_TIMEOUT_MS)]);
  } catch {
    return undefined;
  }
}

// The response from the network; the stored one if the network fails or takes long.
async function newest(address, fresh) {
  const late = after(NETWORK_TIMEOUT_MS).then(() => find(address));
  try {
    return await Promise.race([fresh, late.then((found) => found ?? fresh)]);
  } catch (error) {
    const found = await find(address);
    if (found) return found;
    throw error;
  }
}

self.addEventListener("fetch", (event) => {
  const address = storedAs(event.request);
  if (!address) return;
  if (HASHED.test(address)) {
    event.respondWith(find(address).then((found) => found ?? fetch(event.request)));
    return;
  }
  const fresh = fetch(event.request);
  if (isEdited(address)) event.waitUntil(fresh.then((response) => storeEdited(address, response.clone())).catch(() => {}));
  event.respondWith(newest(address, fresh));
});

// ---- storing

// Returns `true` if a response may be stored, and later be used for any request of its address.
function isStorable({ status, type, redirected, headers }) {
  const forbidden = /no-store/i.test(headers.get("cache-control")) || /\*/.test(headers.get("vary"));
  return status === 200 && type === "basic" && !redirected && !forbidden;
}

async function storeEdited(address, response) {
  const copy = response.clone();
  const isObject = (json) => typeof json === "object" && json && !Array.isArray(json);
  // An error page may have the status 200 too.
  if (!isStorable(response) || !isObject(await copy.json())) return;
  const cache = await caches.open(CACHE);
  // An outdated copy is worse than none.
  await cache.put(address, response).catch(() => cache.delete(address));
}

// The files of a build, by address, with their integrity; `undefined` for any other page.
function filesOf(page) {
  const files = new Map();
  for (const [tag] of page.matchAll(/<(?:link|script)\s[^>]*>/gi)) {
    const [name, integrity] = [/\s(?:href|src)=["']?([^\s"'>]+)/i, /\sintegrity=["']?([^\s"'>]+)/i].map(
      (attribute) => attribute.exec(tag)?.[1],
    );
    if (name && integrity) files.set(new URL(name, FOLDER).href, integrity);
  }
  const addresses = [...files.keys()];
  const isBuild = addresses.some((address) => CLIENT.test(address));
  return isBuild && addresses.every((address) => address.startsWith(FOLDER)) ? files : undefined;
}

async function isIntact(response, integrity) {
  const digest = await crypto.subtle.digest("SHA-384", await response.arrayBuffer());
  return integrity === `sha384-${btoa(String.fromCharCode(...new Uint8Array(digest)))}`;
}

// Stores the build whose page the host serves now, unless it is stored already, and deletes everything else.
async function storeBuild(address) {
  const page = await fetch(address, { cache: "no-cache" });
  const files = isStorable(page) ? filesOf(await page.clone().text()) : undefined;
  if (!files) return;
  const missing = new Map();
  const download = async ([address, integrity]) => {
    const stored = await find(address);
    if (stored && (await isIntact(stored, integrity))) return;
    // A damaged copy in the browser's own cache is replaced.
    const again = () => fetch(address, { integrity, cache: "reload" });
    const file = await fetch(address, { integrity }).catch(again);
    if (!isStorable(file)) throw new Error(`${address} may not be stored`);
    missing.set(address, file);
  };
  await Promise.all([...files].map(download));

  const cache = await caches.open(CACHE);
  // The page is the last one, so that it never names a file that is not stored.
  const store = async () => {
    for (const [address, file] of missing) await cache.put(address, file.clone());
    await cache.put(FOLDER, page.clone());
  };
  const discard = async (isKept) => {
    for (const request of await cache.keys()) if (!isKept(request.url)) await cache.delete(request, { ignoreVary: true });
  };
  const isOfBuild = (address) => files.has(address) || isEdited(address);
  try {
    // If there is no space for two builds, only the new one is stored; if not even for that, none.
    await store().catch(() => discard(isOfBuild).then(store));
    await discard((address) => address === FOLDER || isOfBuild(address));
  } catch {
    await caches.delete(CACHE);
  }
}

// One at a time, so that none deletes the files that another one has just stored.
let storing = Promise.resolve();

// The page sends its address and those of the files that it has loaded, after the client has started or failed to start.
self.addEventListener("message", (event) => {
  const page = event.data.find((address) => PAGES.includes(address));
  if (!page) return;
  // This worker has not seen the requests of a page that was opened before it was installed.
  const edited = new Set([`${FOLDER}config.json`, ...event.data.filter(isEdited)]);
  const storeMissing = async (address) => {
    if (!(await find(address))) await storeEdited(address, await fetch(address, { cache: "no-cache" }));
  };
  const store = async () => {
    await storeBuild(page);
    await Promise.all([...edited].map(storeMissing));
  };
  storing = storing.then(store).catch(() => {});
  event.waitUntil(storing);
});

self.addEventListener("install", () => self.skipWaiting());
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));
