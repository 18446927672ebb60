/** Whether the tab that leads is still with us: one that the device has frozen holds its lock and does nothing. */
import type { World } from "./connection";
import { Timers } from "./timers";

/** A leader that is alive answers another tab at once. */
const SILENCE = 2_000;
const ASK_EVERY = 20_000;

export class LeaderWatch {
  private readonly timers: Timers;

  /** Only while somebody looks: hidden tabs are slow themselves. */
  constructor(
    world: Pick<World, "later">,
    private readonly isVisible: () => boolean,
    private readonly to: { ask: () => void; replace: () => void },
  ) {
    this.timers = new Timers(world);
  }

  /** Asks; if no answer is heard, the leader is to be replaced. */
  ask(): void {
    this.wait(SILENCE, () => { this.to.replace(); });
    this.to.ask();
  }

  /** The leader has said something. */
  heard(): void {
    this.wait(ASK_EVERY, () => { this.ask(); });
  }

  stop(): void {
    this.timers.clearAll();
  }

  private wait(milliseconds: number, run: () => void): void {
    this.timers.after("leader", milliseconds, () => { if (this.isVisible()) run(); });
  }
}
