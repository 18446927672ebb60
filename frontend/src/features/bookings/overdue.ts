/** How often a booking is looked at whose end nobody tells: Redis is away, or a worker was killed. */

const FIRST = 2_000;

/** How many looks there have been so long (in milliseconds) after the end: after 2 s, 4 s, 8 s and so on. */
export function looksAfter(late: number): number {
  return late < FIRST ? 0 : 1 + Math.floor(Math.log2(late / FIRST));
}
