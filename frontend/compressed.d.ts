import type { Plugin } from "vitest/config";
export function compressed(): Plugin;
