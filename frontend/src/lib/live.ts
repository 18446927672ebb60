/** The line and the server's clock, for whatever draws them. */
import { useEffect, useSyncExternalStore } from "react";
import { keepLine, type AskWhetherIn, type Snapshot, type Tab, type TabListener } from "./connection";
import type { Count } from "./arrivals";
import { recall } from "./memory";

/** Whoever is signed in hears of what is theirs. */
const MINE = "me";
// Until the server says what time it is: by how much the device was wrong before.
const START: Snapshot = { state: { name: "connecting" }, offset: recall()?.offset ?? 0, unread: null };

let snapshot = START;
let tab: Tab | null = null;
const watchers = new Set<() => void>();
const followed = new Set<readonly string[]>();

function show(next: Snapshot): void {
  snapshot = next;
  for (const watcher of watchers) watcher();
}

function watch(watcher: () => void): () => void {
  watchers.add(watcher);
  return () => watchers.delete(watcher);
}

/** Keeps this person's line until the answer is called. */
export function listen(userId: number, reader: Omit<TabListener, "changed">, isIn: AskWhetherIn): () => void {
  const line = keepLine(userId, { ...reader, changed: show }, isIn);
  tab = line.tab;
  tellTopics();
  return () => {
    line.letGo();
    tab = null;
    show({ ...START, offset: snapshot.offset });
  };
}

/** A request has learnt how many notices are unread; false if a newer count is known. */
export function learnUnread(count: Count): boolean {
  return tab?.learnUnread(count) ?? true;
}

function tellTopics(): void {
  tab?.follow([...new Set([MINE, ...[...followed].flat()])]);
}

/** While this is drawn, a change of these topics makes what depends on them be read anew. */
export function useFollow(topics: readonly string[]): void {
  const words = topics.join(" ");
  useEffect(() => {
    const wanted = words.split(" ").filter(Boolean);
    followed.add(wanted);
    tellTopics();
    return () => {
      followed.delete(wanted);
      tellTopics();
    };
  }, [words]);
}

export function useLine(): Snapshot {
  return useSyncExternalStore(watch, () => snapshot);
}

/** The server's time, in milliseconds, whatever the device's clock says. */
export function serverNow(): number {
  return Date.now() + snapshot.offset;
}

const SECOND = 1_000;
const tickers = new Set<() => void>();
let ticking: ReturnType<typeof setTimeout> | undefined;

function tick(): void {
  for (const ticker of tickers) ticker();
  // At the server's full second, so that everything drawn changes together, and at the right moment.
  ticking = tickers.size ? setTimeout(tick, SECOND - (serverNow() % SECOND)) : undefined;
}

function watchTime(ticker: () => void): () => void {
  tickers.add(ticker);
  const unwatch = watch(ticker);
  if (ticking === undefined) tick();
  return () => {
    tickers.delete(ticker);
    unwatch();
  };
}

/** The server's time to the second, and drawn anew with each. */
export function useServerTime(): number {
  return useSyncExternalStore(watchTime, () => Math.floor(serverNow() / SECOND) * SECOND);
}
