/** The tabs of this browser, as one of them knows them: which is looked at, and what each follows. */

export interface Other {
  /** Since when it has been looked at, by the device's clock; 0 if it is not. */
  readonly lookedAt: number;
  readonly topics: readonly string[];
}

/** The server follows no more for one socket. */
export const MOST_TOPICS = 100;

export class Others {
  private readonly all = new Map<string, Other>();

  /** It is there. Whether it is new to us. */
  meet(tab: string, other: Other): boolean {
    const isNew = !this.all.has(tab);
    this.all.set(tab, other);
    return isNew;
  }

  forget(tab: string): void {
    this.all.delete(tab);
  }

  /** The tab that was looked at last and still is; if there is none, our own. */
  shower(own: string, lookedAt: number): string {
    let [chosen, latest] = [own, lookedAt];
    for (const [tab, other] of this.all) {
      if (other.lookedAt > latest) [chosen, latest] = [tab, other.lookedAt];
    }
    return chosen;
  }

  /** What any of us follows; of too many lots those of the tabs that were looked at last. */
  topics(own: Other): string[] {
    const byLook = [own, ...this.all.values()].sort((a, b) => b.lookedAt - a.lookedAt);
    const wanted = [...new Set(byLook.flatMap(({ topics }) => topics))];
    const isLot = (topic: string) => topic.includes(":");
    return [...wanted.filter((topic) => !isLot(topic)), ...wanted.filter(isLot)].slice(0, MOST_TOPICS);
  }
}
