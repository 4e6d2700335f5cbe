// Keeps the page itself on the device, so that it opens without a network. What has its hash in its name never changes
// and is taken from the cache; everything else is asked for first.

const CACHE = "parlour";
const HASHED = /-[0-9a-f]{12,}(_bg)?\.(js|wasm|css|svg)$/;

async function answer(request) {
  const cache = await caches.open(CACHE);
  const kept = await cache.match(request, { ignoreSearch: request.mode === "navigate" });
  if (kept && HASHED.test(new URL(request.url).pathname)) return kept;
  try {
    const fresh = await fetch(request);
    if (fresh.ok) {
      await cache.put(request, fresh.clone());
      if (request.mode === "navigate") tidy(cache, await fresh.clone().text());
    }
    return fresh;
  } catch (error) {
    if (kept) return kept;
    throw error;
  }
}

// Files of earlier versions, which the page does not name any more.
async function tidy(cache, page) {
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
