export { keepLine, type AskWhetherIn } from "./browser";
export type { State } from "./connection";
export type { Level, Notice } from "./protocol";
export type { Stale } from "./rereads";
export type { Tab } from "./tabs";
export { INBOX, type Snapshot, type TabListener } from "./tabworld";
