/** Looks each second whether the device slept, or its clock was set: not every one says so when it wakes. */
import type { World } from "./connection";
import { Timers } from "./timers";

const GLANCE = 1_000;
/** The two clocks part by so much, or a timer is so late, only for a reason. */
const APART = 2_000;

export class SleepWatch {
  private readonly timers: Timers;
  private apart = 0;

  /** `parted`: the device's clock is another one now. `late`: nothing ran for a while. */
  constructor(
    private readonly world: Pick<World, "now" | "steady" | "later">,
    private readonly woke: (how: "parted" | "late") => void,
  ) {
    this.timers = new Timers(world);
  }

  start(): void {
    this.note();
    this.wait();
  }

  stop(): void {
    this.timers.clearAll();
  }

  /** The clocks are as they should be now. */
  note(): void {
    this.apart = this.difference();
  }

  private wait(): void {
    const before = this.world.steady();
    this.timers.after("glance", GLANCE, () => {
      this.wait();
      const isParted = Math.abs(this.difference() - this.apart) > APART;
      if (isParted) this.note();
      if (isParted) this.woke("parted");
      else if (this.world.steady() - before > GLANCE + APART) this.woke("late");
    });
  }

  private difference(): number {
    return this.world.now() - this.world.steady();
  }
}
