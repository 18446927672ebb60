/** What a tab needs of its browser, what it tells whoever draws it, and what tabs say to each other. */
import type { Count, Given } from "@/lib/arrivals";
import type { State } from "./connection";
import type { Notice, Position } from "./protocol";
import type { Read, Stale } from "./rereads";

/** What a tab knows of the line. */
export interface Snapshot {
  readonly state: State;
  /** How far the server's clock is ahead of the device's, in milliseconds. */
  readonly offset: number;
  readonly unread: number | null;
}

export interface TabListener {
  changed(snapshot: Snapshot): void;
  /** In order of their numbers, each once. `show` is true in one tab only. */
  given(given: Given<Notice>, show: boolean): void;
  /** What these topics stand for is to be read anew, or everything (null). Only while somebody looks. */
  reread: Read;
}

/** Among what is to be read anew: a notice has come. What it is about, the server tells by itself. */
export const INBOX = "inbox";

/** What tabs say to each other. */
export type Message =
  | { readonly kind: "here"; readonly tab: string; readonly lookedAt: number; readonly topics: readonly string[] }
  | { readonly kind: "wake" }
  | { readonly kind: "count"; readonly count: Count }
  | { readonly kind: "ask" }
  | { readonly kind: "standing"; readonly snapshot: Snapshot; readonly position: Position | null; readonly count: Count | null }
  | { readonly kind: "given"; readonly given: Given<Notice>; readonly epoch: string; readonly show: string }
  | { readonly kind: "stale"; readonly stale: Stale };

/** The browser around a tab, so that tests can be it. */
export interface TabWorld {
  readonly id: string;
  /** Calls `run` once the others can learn of this tab's end. */
  whenKnown(run: () => void): void;
  /** Calls `run` once no other tab leads, and `lost` if another takes the lead away; the answer gives it back. */
  lead(run: () => void, lost: () => void): () => void;
  /** The same, but takes the lead from a tab that does not answer. */
  seize(run: () => void, lost: () => void): () => void;
  /** Calls `run` once this other tab is gone, however it went. */
  whenGone(tab: string, run: () => void): void;
  post(message: Message): void;
  visible(): boolean;
  /** How far an earlier page of this browser was. */
  recall(): Position | null;
  remember(position: Position): void;
}
