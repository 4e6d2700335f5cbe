// The service worker: caches the page's files, so that it opens without a network. A file with a hash in its name never
// changes and is served from the cache; any other file is requested first, and served from the cache if that fails.

const CACHE = "parlour";
const HASHED = /-[0-9a-f]{12,}(_bg)?\.(js|wasm|css|svg)$/;

async function answer(request) {
  const cache = await caches.open(CACHE);
  const cached = await cache.match(request, { ignoreSearch: request.mode === "navigate" });
  if (cached && HASHED.test(new URL(request.url).pathname)) return cached;
  try {
    const fresh = await fetch(request);
    if (fresh.ok) {
      await cache.put(request, fresh.clone());
      if (request.mode === "navigate") deleteOldFiles(cache, await fresh.clone().text());
    }
    return fresh;
  } catch (error) {
    if (cached) return cached;
    throw error;
  }
}

// Deletes the files of earlier versions, which the page does not refer to any more.
async function deleteOldFiles(cache, page) {
  for (const { url } of await cache.keys()) {
    const name = new URL(url).pathname.split("/").pop();
    if (HASHED.test(name) && !page.includes(name)) await cache.delete(url);
  }
}

self.addEventListener("install", () => self.skipWaiting());
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));
self.addEventListener("fetch", (event) => {
  const { request } = event;
  if (request.method === "GET" && request.url.startsWith(self.registration.scope)) event.respondWith(answer(request));
});
