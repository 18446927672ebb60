/** Keeps the last build's files on the device, so that the shell opens without a network. */

/** Written here when the client is built: what this build is called, and its files. */
declare const __BUILD__: string;
declare const __FILES__: readonly string[];

const worker = globalThis as unknown as ServiceWorkerGlobalScope;

const KEPT = "parkmate-build-";
const CACHE = KEPT + __BUILD__;
const FILES = new Set(__FILES__);
const PAGE = "/";
/** How long the server may take for the page before the device's own is shown. */
const PATIENCE = 4_000;
/** Answers come from the server or not at all, and the operators' pages are not the client's. */
const NEVER_OURS = /^\/(?:api|admin|ws)(?:\/|$)/;

/** What a page loads, by names that change with what is in them. */
const ASSETS = "/static/client/assets/";
const NAMED = /\/static\/client\/assets\/[\w.-]+/g;

worker.addEventListener("install", (event) => {
  // At once: a page of the build before finds its files in the cache before this one.
  event.waitUntil(keepBuild().then(() => worker.skipWaiting()));
});

worker.addEventListener("activate", (event) => {
  event.waitUntil(dropOldBuilds().then(() => worker.clients.claim()));
});

worker.addEventListener("fetch", (event) => {
  const { request } = event;
  const { origin, pathname } = new URL(request.url);
  if (request.method !== "GET" || origin !== worker.location.origin || NEVER_OURS.test(pathname)) return;
  if (request.mode === "navigate") event.respondWith(pageFor(request));
  else if (pathname.startsWith(ASSETS)) event.respondWith(file(request));
});

async function keepBuild(): Promise<void> {
  const page = await fetch(PAGE, { cache: "no-store" });
  // While servers are replaced, one may still answer with the page of the build before: tried again later.
  if (!page.ok || !isOfThisBuild(await page.clone().text())) throw new Error("The server still has another build.");
  const cache = await caches.open(CACHE);
  await cache.addAll([...FILES]);
  await cache.put(PAGE, page);
}

function isOfThisBuild(page: string): boolean {
  return (page.match(NAMED) ?? []).every((name) => FILES.has(name));
}

/** All but this build and the one before, whose pages may still be open. */
async function dropOldBuilds(): Promise<void> {
  const names = (await caches.keys()).filter((name) => name.startsWith(KEPT) && name !== CACHE);
  await Promise.all(names.slice(0, -1).map((name) => caches.delete(name)));
}

/** The server's page, unless it cannot be reached: then the device's own, which says so. */
async function pageFor(request: Request): Promise<Response> {
  const asked = fetch(request);
  const late = new Promise<undefined>((resolve) => { setTimeout(resolve, PATIENCE); });
  const answer = await Promise.race([asked.catch(() => undefined), late]);
  if (answer && answer.status < 500) return answer;
  const cache = await caches.open(CACHE);
  return (await cache.match(PAGE)) ?? answer ?? asked;
}

/** Under its name it never changes: the device's own, whichever build it belongs to. */
async function file(request: Request): Promise<Response> {
  return (await caches.match(request)) ?? fetch(request);
}
