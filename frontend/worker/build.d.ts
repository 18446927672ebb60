import type { Plugin } from "vitest/config";
export function serviceWorker(): Plugin;
