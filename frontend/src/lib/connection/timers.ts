/** What is waited for, by name: again under the same name is in place of the first. */
import type { World } from "./connection";

export class Timers {
  private readonly all = new Map<string, () => void>();

  constructor(private readonly world: Pick<World, "later">) {}

  after(name: string, milliseconds: number, run: () => void): void {
    this.clear(name);
    this.all.set(name, this.world.later(milliseconds, () => {
      this.all.delete(name);
      run();
    }));
  }

  has(name: string): boolean {
    return this.all.has(name);
  }

  clear(name: string): void {
    this.all.get(name)?.();
    this.all.delete(name);
  }

  clearAll(): void {
    for (const name of [...this.all.keys()]) this.clear(name);
  }
}
