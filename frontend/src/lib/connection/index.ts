export { keepLine } from "./browser";
export type { State } from "./connection";
export type { Level, Notice } from "./protocol";
export type { Snapshot, Tab, TabListener } from "./tabs";
