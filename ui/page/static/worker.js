// The service worker: what is shown where there is no network, and nothing else. Answers, articles and conversations are
// never kept here.
const SHELL = "dalil-shell-1", FILES = ["offline.html", "page.css", "icon.svg"].map((name) => new URL(name, location).href);

addEventListener("install", (event) => {
  event.waitUntil(caches.open(SHELL).then((shell) => shell.addAll(FILES)).then(() => skipWaiting()));
});

addEventListener("activate", (event) => {
  const remove = (names) => Promise.all(names.filter((name) => name !== SHELL).map((name) => caches.delete(name)));
  event.waitUntil(caches.keys().then(remove).then(() => clients.claim()));
});

addEventListener("fetch", (event) => {
  const is_shell = FILES.slice(1).includes(event.request.url);
  if (event.request.mode === "navigate") event.respondWith(fetch(event.request).catch(() => caches.match(FILES[0])));
  else if (is_shell) event.respondWith(fetch(event.request).catch(() => caches.match(event.request)));
});
