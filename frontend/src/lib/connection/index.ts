export { keepLine, type AskWhetherIn } from "./browser";
export type { State } from "./connection";
export type { Level, Notice } from "./protocol";
export type { Stale } from "./rereads";
export { INBOX, type Snapshot, type Tab, type TabListener } from "./tabs";
