/** How full each lot is and what it brought today, as bars; the numbers stand beside them, for every reader. */
import { Link } from "react-router";
import type { Schemas } from "@/lib/api";
import { money } from "@/lib/format";
import { Card, CardTitle } from "@/ui/layout";

type Lot = Schemas["Today"]["lots"][number];

export function Chart({ lots }: { lots: Lot[] }) {
  const most = Math.max(1, ...lots.map(({ income_today }) => Number(income_today)));
  return (
    <Card>
      <CardTitle>Each lot today</CardTitle>
      <ul className="grid gap-5">
        {lots.map((lot) => (
          <li key={lot.id}>
            <Link to={`/lots/${String(lot.id)}`} className="text-sm font-medium hover:underline">{lot.name}</Link>
            <Bar share={lot.slot_count ? lot.occupied_now / lot.slot_count : 0} then={lot.slot_count ? lot.arriving_today / lot.slot_count : 0} words={occupancy(lot)} />
            <Bar share={Number(lot.income_today) / most} words={`${money(lot.income_today)} income`} calm />
          </li>
        ))}
      </ul>
    </Card>
  );
}

function occupancy({ occupied_now, slot_count, arriving_today }: Lot): string {
  const now = `${String(occupied_now)} of ${String(slot_count)} occupied`;
  return arriving_today ? `${now}, ${String(arriving_today)} arriving` : now;
}

interface BarProps {
  share: number;
  /** What comes on top of it. */
  then?: number;
  words: string;
  calm?: boolean;
}

/** A hundred wide, whatever the screen. */
function Bar({ share, then = 0, words, calm = false }: BarProps) {
  const [first, second] = [100 * share, 100 * Math.min(then, 1 - share)];
  return (
    <div className="mt-1.5">
      <svg viewBox="0 0 100 4" preserveAspectRatio="none" aria-hidden className={`w-full overflow-hidden rounded-full bg-sunken ${calm ? "h-1.5" : "h-3"}`}>
        <rect width={first} height="4" className={calm ? "fill-good" : "fill-accent"} />
        <rect x={first} width={second} height="4" className="fill-accent/35" />
      </svg>
      <p className="mt-1 text-xs text-soft tabular-nums">{words}</p>
    </div>
  );
}
