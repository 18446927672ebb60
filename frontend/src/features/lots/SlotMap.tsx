/** A lot's slots as a picture: two rows of bays along a lane. */
import { Bike, Car, CircleSlash, Van } from "lucide-react";
import type { Schemas } from "@/lib/api";
import { moment, money } from "@/lib/format";
import { useServerTime } from "@/lib/live";
import { nextFree, type Freedom } from "./freedom";

type Slot = Schemas["SlotWithFreedom"];

const VEHICLES: Record<string, typeof Car> = { car: Car, motorcycle: Bike, van: Van };

interface SlotMapProps {
  slots: Slot[];
  chosen: number | null;
  onChoose: (id: number) => void;
}

export function SlotMap({ slots, chosen, onChoose }: SlotMapProps) {
  const now = useServerTime();
  return (
    <>
      <ul className="grid grid-cols-[repeat(auto-fill,minmax(5.25rem,1fr))] gap-x-2 gap-y-3 rounded-xl bg-sunken p-3">
        {slots.map((slot) => (
          <li key={slot.id}>
            <Bay slot={slot} freedom={nextFree(slot, now)} now={now} chosen={slot.id === chosen} onChoose={onChoose} />
          </li>
        ))}
      </ul>
      <ul className="mt-3 flex flex-wrap gap-x-5 gap-y-1 text-sm text-soft">
        <Key className="border-good bg-good-tint">Free</Key>
        <Key className="border-line bg-card">Taken, with when it is free</Key>
        <Key className="border-accent bg-tint">Yours to book</Key>
      </ul>
    </>
  );
}

interface BayProps {
  slot: Slot;
  freedom: Freedom;
  now: number;
  chosen: boolean;
  onChoose: (id: number) => void;
}

function Bay({ slot, freedom, now, chosen, onChoose }: BayProps) {
  const Icon = VEHICLES[slot.vehicle_type] ?? Car;
  const free = slot.is_active && freedom.free;
  const words = !slot.is_active ? "out of use" : free ? "free" : freedom.at ? moment(freedom.at, now) : "taken all week";
  const looks = chosen ? "border-accent bg-tint text-accent" : free ? "border-good bg-good-tint text-good" : "border-line bg-card text-soft";
  return (
    <button
      type="button"
      aria-pressed={chosen}
      disabled={!slot.is_active}
      aria-label={`Slot ${String(slot.number)}, ${slot.vehicle_type}, ${money(slot.hourly_rate)} an hour, ${free ? "free" : slot.is_active ? `taken, free ${words}` : words}`}
      onClick={() => { onChoose(slot.id); }}
      className={`grid min-h-24 w-full content-between justify-items-center gap-1 rounded-t-lg border-2 border-b-0 px-1 py-2 transition ${looks}`}
    >
      <span className="text-lg/5 font-bold">{slot.number}</span>
      {slot.is_active ? <Icon aria-hidden className="size-6" /> : <CircleSlash aria-hidden className="size-6" />}
      <span className="text-xs/4">{words}</span>
    </button>
  );
}

function Key({ className, children }: { className: string; children: string }) {
  return (
    <li className="flex items-center gap-2">
      <span aria-hidden className={`size-3 rounded-sm border-2 ${className}`} />
      {children}
    </li>
  );
}
