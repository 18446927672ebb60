/** What a tab has to read anew: gathered, spread over time, and left until somebody looks. */
import type { World } from "./connection";

/** Topics, or everything there is (null): nobody told us what changed. */
export type Stale = readonly string[] | null;

/** Reads it, and says whether that could be done. */
export type Read = (stale: Stale, done: (isRead: boolean) => void) => void;

/** A change is told to thousands in the same moment: they do not ask in the same one. */
const SPREAD = 200;
/** A lot that changes all the time is not read all the time. */
const APART = 500;
const LONGEST_WAIT = 20_000;

export class Rereads {
  private stale: Set<string> | null = new Set();
  /** Takes back what is planned. */
  private planned: (() => void) | null = null;
  private resting = false;
  private failures = 0;

  constructor(
    private readonly world: Pick<World, "later" | "random">,
    private readonly isVisible: () => boolean,
    private readonly read: Read,
  ) {}

  /** These are to be read anew, soon. */
  ask(stale: Stale): void {
    this.note(stale);
    // Whoever tells us so can be asked: nothing waits for the next try.
    if (this.failures) this.unplan();
    this.failures = 0;
    this.plan();
  }

  /** Somebody looks, or no longer: what was told meanwhile is read now. */
  look(): void {
    this.plan();
  }

  stop(): void {
    this.unplan();
    this.stale = new Set();
  }

  private note(stale: Stale): void {
    if (stale === null) this.stale = null;
    else for (const topic of stale) this.stale?.add(topic);
  }

  private plan(): void {
    if (this.planned || this.resting || this.stale?.size === 0 || !this.isVisible()) return;
    const most = this.failures ? Math.min(LONGEST_WAIT, APART * 2 ** this.failures) : SPREAD;
    this.planned = this.world.later(most * this.world.random(), () => { this.go(); });
  }

  private unplan(): void {
    this.planned?.();
    this.planned = null;
  }

  private go(): void {
    this.planned = null;
    if (!this.isVisible()) return;
    const stale = this.stale && [...this.stale];
    this.stale = new Set();
    this.resting = true;
    this.world.later(APART, () => {
      this.resting = false;
      this.plan();
    });
    this.read(stale, (isRead) => { this.done(stale, isRead); });
  }

  /** What could not be read is tried again, later and later, however live the line is. */
  private done(stale: Stale, isRead: boolean): void {
    this.failures = isRead ? 0 : this.failures + 1;
    if (isRead) return;
    this.note(stale);
    this.plan();
  }
}
