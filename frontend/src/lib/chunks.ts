/** Code that is loaded when it is needed, though the server may have another build by then. */
import { lazy, type ComponentType } from "react";

/** What loading depends on, so that a test can say it. */
export interface World {
  pause(): Promise<void>;
  /** Whether the server has a page for us. */
  answers(): Promise<boolean>;
  /** Loads the page anew, unless that was tried a moment ago. Says whether it does. */
  renew(): boolean;
}

const PAUSE = 500;
const ONCE_IN = 60_000;
const RENEWED_AT = "parkmate.renewed-at";
const UNTOLD = "parkmate.renewed";

/** The words may be shown. */
export class Unloadable extends Error {}

/** A component whose code is loaded when it is first drawn. */
export function later<Props extends object>(load: () => Promise<ComponentType<Props>>) {
  return lazy(async () => ({ default: await loaded(load) }));
}

/**
 * What `load` imports. A failure may be the network's, so it is tried twice; after that the server has
 * replaced the build that this page is of, and only a new page goes on. Raises Unloadable.
 */
export async function loaded<T>(load: () => Promise<T>, world: World = browser): Promise<T> {
  try {
    return await load();
  } catch {
    await world.pause();
  }
  try {
    return await load();
  } catch {
    if (!(await world.answers())) throw new Unloadable("This cannot be loaded: ParkMate cannot be reached.");
    if (!world.renew()) throw new Unloadable("This could not be loaded.");
    return new Promise<never>(() => undefined);
  }
}

/** Whether this page stands where one of an older build stood. True once. */
export function wasRenewed(): boolean {
  const [begun] = performance.getEntriesByType("navigation") as PerformanceNavigationTiming[];
  // Only then: the storage is slow to open, and every first visit would wait for it.
  if (begun?.type !== "reload") return false;
  try {
    const untold = sessionStorage.getItem(UNTOLD) !== null;
    sessionStorage.removeItem(UNTOLD);
    return untold;
  } catch {
    return false;
  }
}

const browser: World = {
  pause: () => new Promise((resolve) => { setTimeout(resolve, PAUSE); }),
  answers: async () => {
    try {
      return (await fetch("/", { method: "HEAD", cache: "no-store" })).ok;
    } catch {
      return false;
    }
  },
  renew: () => {
    try {
      if (Date.now() - Number(sessionStorage.getItem(RENEWED_AT)) < ONCE_IN) return false;
      sessionStorage.setItem(RENEWED_AT, String(Date.now()));
      sessionStorage.setItem(UNTOLD, "yes");
    } catch {
      // Without a memory it might go round for ever.
      return false;
    }
    location.reload();
    return true;
  },
};
