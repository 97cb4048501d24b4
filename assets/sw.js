// Shows a notice when the platform cannot be reached. It keeps that one page and nothing else: no data, no pages, no scripts.
const KEPT = "offline-1", NOTICE = "/offline.html";

self.addEventListener("install", (event) => {
  event.waitUntil(caches.open(KEPT).then((cache) => cache.add(NOTICE)).then(() => self.skipWaiting()));
});

self.addEventListener("activate", (event) => {
  const old = (names) => Promise.all(names.filter((name) => name !== KEPT).map((name) => caches.delete(name)));
  event.waitUntil(caches.keys().then(old).then(() => self.clients.claim()));
});

self.addEventListener("fetch", (event) => {
  const asked = event.request;
  if (asked.method !== "GET" || asked.destination !== "document" || new URL(asked.url).pathname.startsWith("/api/")) return;
  event.respondWith(fetch(asked).catch(() => caches.match(NOTICE)));
});
