/** The browser as the connection's world: WebSocket, Web Locks, BroadcastChannel, the page's visibility. */
import type { Wire, World } from "./connection";
import type { Position } from "./protocol";
import { Tab } from "./tabs";
import type { Message, TabListener, TabWorld } from "./tabworld";

/** Whether this person is still signed in; null if nobody can say. */
export type AskWhetherIn = () => Promise<boolean | null>;

/** Keeps this person's line for this tab; the answer is the tab, and a function that lets go of it all. */
export function keepLine(userId: number, listener: TabListener, isIn: AskWhetherIn): { tab: Tab; letGo: () => void } {
  const name = `parkmate.${String(userId)}`;
  const letGo = new AbortController();
  const channel = new BroadcastChannel(name);
  const ask: World["ask"] = (tell) => { void isIn().then((is) => { if (!letGo.signal.aborted) tell(is); }); };
  const tab = new Tab(tabWorld(name, channel, letGo.signal), { ...browser, ask }, listener);
  channel.onmessage = (event: MessageEvent<Message>) => { tab.hear(event.data); };
  watch(tab, letGo.signal);
  return {
    tab,
    letGo: () => {
      letGo.abort();
      tab.close();
      channel.close();
    },
  };
}

const browser: Omit<World, "ask"> = {
  open: (position) => new BrowserWire(address(position)),
  now: () => Date.now(),
  steady: () => performance.now(),
  later: (milliseconds, run) => {
    const timer = setTimeout(run, milliseconds);
    return () => { clearTimeout(timer); };
  },
  random: () => Math.random(),
  isOnline: () => navigator.onLine,
};

class BrowserWire implements Wire {
  onmessage: ((text: string) => void) | null = null;
  onclose: ((code: number) => void) | null = null;
  private readonly socket: WebSocket;

  constructor(url: string) {
    this.socket = new WebSocket(url);
    this.socket.onmessage = (event: MessageEvent<string>) => { this.onmessage?.(event.data); };
    this.socket.onclose = (event) => { this.onclose?.(event.code); };
  }

  send(text: string): void {
    if (this.socket.readyState === WebSocket.OPEN) this.socket.send(text);
  }

  close(): void {
    this.socket.close();
  }
}

function address(position: Position | null): string {
  const url = new URL("/ws/notifications/me/", location.href);
  url.protocol = url.protocol.replace("http", "ws");
  if (position) {
    url.searchParams.set("after", String(position.after));
    url.searchParams.set("epoch", position.epoch);
  }
  return url.href;
}

function tabWorld(name: string, channel: BroadcastChannel, signal: AbortSignal): TabWorld {
  const id = crypto.getRandomValues(new Uint32Array(2)).join("-");
  const lock = (tab: string) => `${name}.tab.${tab}`;
  return {
    id,
    // Held as long as this tab lives: whoever waits for it learns of its end.
    whenKnown: (run) => { hold(lock(id), { signal, run }); },
    lead: (run, lost) => holdUntilTold(`${name}.lead`, { run, lost }),
    seize: (run, lost) => holdUntilTold(`${name}.lead`, { run, lost, steal: true }),
    whenGone: (tab, run) => {
      void navigator.locks?.request(lock(tab), { signal }, run).catch(ignoreAbort);
    },
    post: (message) => { channel.postMessage(message); },
    visible: () => document.visibilityState === "visible",
    recall: () => recall(name),
    remember: (position) => { remember(name, position); },
  };
}

interface Hold {
  run: () => void;
  /** Another tab has taken it away. */
  lost?: () => void;
  steal?: boolean;
}

function holdUntilTold(name: string, how: Hold): () => void {
  const letGo = new AbortController();
  hold(name, { ...how, signal: letGo.signal });
  return () => { letGo.abort(); };
}

/** Runs it once the lock is ours, and keeps the lock until told. Outside HTTPS there are no locks:
 * every tab then has a line of its own. */
function hold(name: string, { run, lost, steal = false, signal }: Hold & { signal: AbortSignal }): void {
  if (!("locks" in navigator)) {
    queueMicrotask(run);
    return;
  }
  const held = () =>
    new Promise<void>((release) => {
      if (signal.aborted) return release();
      signal.addEventListener("abort", () => { release(); });
      run();
    });
  navigator.locks.request(name, steal ? { steal } : { signal }, held).catch((error: unknown) => {
    ignoreAbort(error);
    if (!signal.aborted) lost?.();
  });
}

function ignoreAbort(error: unknown): void {
  if (!(error instanceof DOMException && error.name === "AbortError")) throw error;
}

/** Everything that may end a wait. */
function watch(tab: Tab, signal: AbortSignal): void {
  window.addEventListener("online", () => { tab.wake(); }, { signal });
  window.addEventListener("offline", () => { tab.networkLost(); }, { signal });
  window.addEventListener("focus", () => { tab.looksChanged(); }, { signal });
  window.addEventListener("pageshow", (event) => { if (event.persisted) tab.wake(); }, { signal });
  const looks = () => {
    tab.looksChanged();
    if (document.visibilityState === "visible") tab.wake();
  };
  document.addEventListener("visibilitychange", looks, { signal });
}

function recall(name: string): Position | null {
  try {
    const value: unknown = JSON.parse(localStorage.getItem(name) ?? "null");
    const { after, epoch } = (value ?? {}) as Partial<Position>;
    return typeof after === "number" && typeof epoch === "string" ? { after, epoch } : null;
  } catch {
    return null;
  }
}

function remember(name: string, position: Position): void {
  try {
    localStorage.setItem(name, JSON.stringify(position));
  } catch {
    // Without storage a reload may show the last second's notice again: better than none.
  }
}
