/** A lot's slots as a picture: bays on both sides of a lane, each with what stands in it. */
import { Bike, Car, CircleSlash, Van } from "lucide-react";
import { memo, useState, useSyncExternalStore, type KeyboardEvent } from "react";
import type { Schemas } from "@/lib/api";
import { money, shortMoment } from "@/lib/format";
import { useServerTime } from "@/lib/live";
import { Choice } from "@/ui/controls";
import { nextFree } from "./freedom";

type Slot = Schemas["SlotWithFreedom"];

const VEHICLES: Record<string, typeof Car> = { car: Car, motorcycle: Bike, van: Van };
const WIDE = window.matchMedia("(min-width: 40rem)");
/** From so many on, one wants to see only some. */
const MANY = 12;

interface SlotMapProps {
  slots: Slot[];
  chosen: number | null;
  onChoose: (id: number) => void;
}

export function SlotMap({ slots, chosen, onChoose }: SlotMapProps) {
  const now = useServerTime();
  const [show, setShow] = useState("");
  const columns = useColumns();
  const drawn = slots.map((slot) => ({ slot, ...draw(slot, now) }));
  const shown = drawn.filter(({ slot, free }) => !show || (show === "free" ? free : slot.vehicle_type === show));
  const start = shown.some(({ slot }) => slot.id === chosen) ? chosen : shown.find(({ slot }) => slot.is_active)?.slot.id;
  const kinds = [...new Set(slots.map(({ vehicle_type }) => vehicle_type))];
  const filters = [{ value: "", label: "All" }, { value: "free", label: "Free now" }, ...(kinds.length > 1 ? kinds : []).map((value) => ({ value, label: `${value}s` }))];
  return (
    <>
      {slots.length > MANY && (
        <div className="mb-4">
          <Choice label="Show" value={show} options={filters} onChange={setShow} />
        </div>
      )}
      <div className="grid gap-5 rounded-xl bg-sunken p-2 sm:p-4" onKeyDown={(event) => { walk(event, columns); }}>
        {aisles(shown, columns * 2).map((aisle) => (
          <Aisle key={aisle[0]?.slot.id} bays={aisle} columns={columns}>
            {({ slot, free, words }, side) => (
              <Bay key={slot.id} slot={slot} free={free} words={words} side={side} chosen={slot.id === chosen} reached={slot.id === start} onChoose={onChoose} />
            )}
          </Aisle>
        ))}
        {!shown.length && <p className="p-4 text-center text-sm text-soft">None at the moment. Choose “All” to see when others are free.</p>}
      </div>
      <ul aria-label="What the colours mean" className="mt-3 flex flex-wrap gap-x-5 gap-y-1 text-sm text-soft">
        <Key className="border-good bg-good-tint">Free</Key>
        <Key className="border-line bg-card">Taken, and when it is free</Key>
        <Key className="border-accent bg-accent">Chosen</Key>
      </ul>
    </>
  );
}

function useColumns(): number {
  const wide = useSyncExternalStore(
    (changed) => {
      WIDE.addEventListener("change", changed);
      return () => { WIDE.removeEventListener("change", changed); };
    },
    () => WIDE.matches,
  );
  return wide ? 8 : 5;
}

interface Drawn {
  readonly slot: Slot;
  readonly free: boolean;
  readonly words: string;
}

function draw(slot: Slot, now: number): Pick<Drawn, "free" | "words"> {
  const { free, at } = nextFree(slot, now);
  if (!slot.is_active) return { free: false, words: "off" };
  return { free, words: free ? "free" : at ? shortMoment(at, now) : "taken" };
}

function aisles(bays: Drawn[], size: number): Drawn[][] {
  return Array.from({ length: Math.ceil(bays.length / size) }, (_, index) => bays.slice(index * size, (index + 1) * size));
}

interface AisleProps {
  bays: Drawn[];
  columns: number;
  children: (bay: Drawn, side: "above" | "below") => React.ReactNode;
}

/** Two rows of bays and the lane between them. */
function Aisle({ bays, columns, children }: AisleProps) {
  const row = `grid gap-1 ${columns === 8 ? "grid-cols-8" : "grid-cols-5"}`;
  const name = `Slots ${String(bays[0]?.slot.number)} to ${String(bays.at(-1)?.slot.number)}`;
  return (
    <ul aria-label={name}>
      <li>
        <ul className={row}>{bays.slice(0, columns).map((bay) => <li key={bay.slot.id}>{children(bay, "above")}</li>)}</ul>
      </li>
      <li aria-hidden className="flex h-8 items-center px-1">
        <span className="w-full border-t-2 border-dashed border-edge/60" />
      </li>
      {bays.length > columns && (
        <li>
          <ul className={row}>{bays.slice(columns).map((bay) => <li key={bay.slot.id}>{children(bay, "below")}</li>)}</ul>
        </li>
      )}
    </ul>
  );
}

interface BayProps extends Drawn {
  side: "above" | "below";
  chosen: boolean;
  /** Whether Tab leads here: to one of them; the arrow keys lead to the others. */
  reached: boolean;
  onChoose: (id: number) => void;
}

// Drawn anew when its own words change, not with every second: there may be hundreds.
const Bay = memo(function Bay({ slot, free, words, side, chosen, reached, onChoose }: BayProps) {
  const Icon = slot.is_active ? (VEHICLES[slot.vehicle_type] ?? Car) : CircleSlash;
  const looks = chosen
    ? "border-accent bg-accent text-on-accent"
    : free
      ? "border-good bg-good-tint text-good hover:bg-good hover:text-page"
      : "border-line bg-card text-soft enabled:hover:border-accent";
  const shape = side === "above" ? "rounded-t-lg border-b-0" : "rounded-b-lg border-t-0";
  const state = !slot.is_active ? "out of use" : free ? "free" : words === "taken" ? "taken all week" : `taken, free ${words}`;
  return (
    <button
      type="button"
      data-bay
      tabIndex={reached ? 0 : -1}
      aria-pressed={chosen}
      disabled={!slot.is_active}
      onClick={() => { onChoose(slot.id); }}
      className={`relative flex h-21 w-full min-w-0 items-center justify-between border-2 px-0.5 py-2 transition-colors ${side === "above" ? "flex-col" : "flex-col-reverse"} ${shape} ${looks}`}
    >
      <span className="sr-only">{`Slot ${String(slot.number)}, ${slot.vehicle_type}, ${money(slot.hourly_rate)} an hour, ${state}`}</span>
      <span aria-hidden className="text-base/5 font-bold tabular-nums">{slot.number}</span>
      <Icon aria-hidden className={`size-5 ${free ? "opacity-40" : ""} ${side === "below" ? "rotate-180" : ""}`} />
      <span aria-hidden className="text-[0.6875rem]/4 font-medium tracking-tight whitespace-nowrap">{words}</span>
    </button>
  );
});

const STEPS: Record<string, (columns: number) => number> = {
  ArrowLeft: () => -1,
  ArrowRight: () => 1,
  ArrowUp: (columns) => -columns,
  ArrowDown: (columns) => columns,
  Home: () => -Infinity,
  End: () => Infinity,
};

/** The arrow keys lead from bay to bay, past those that are out of use. */
function walk(event: KeyboardEvent<HTMLElement>, columns: number): void {
  const step = STEPS[event.key]?.(columns);
  const bays = [...event.currentTarget.querySelectorAll<HTMLButtonElement>("[data-bay]")];
  const from = bays.findIndex((bay) => bay === document.activeElement);
  if (step === undefined || from < 0) return;
  event.preventDefault();
  const to = Math.min(bays.length - 1, Math.max(0, from + step));
  const way = Math.sign(step) || 1;
  const onward = way > 0 ? bays.slice(to) : bays.slice(0, to + 1).reverse();
  (onward.find((bay) => !bay.disabled) ?? bays[from])?.focus();
}

function Key({ className, children }: { className: string; children: string }) {
  return (
    <li className="flex items-center gap-2">
      <span aria-hidden className={`size-3 rounded-sm border-2 ${className}`} />
      {children}
    </li>
  );
}
