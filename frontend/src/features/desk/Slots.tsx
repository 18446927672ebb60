/** A lot's slots: many added at once, each changed by itself, all of them in price. */
import { Pencil } from "lucide-react";
import { useState, type SyntheticEvent } from "react";
import { answer, server, type Schemas } from "@/lib/api";
import { useDraft } from "@/lib/draft";
import { CURRENCY, money } from "@/lib/format";
import { Button, Field, Select, Switch } from "@/ui/controls";
import { Foldable } from "@/ui/Foldable";
import { Badge, Problem } from "@/ui/layout";
import { errorsOf, useDeed } from "./useDeed";

type Slot = Schemas["SlotWithFreedom"];

const VEHICLES: Schemas["SlotFields"]["vehicle_type"][] = ["car", "motorcycle", "van"];
const RATE = CURRENCY ? `Rate an hour, ${CURRENCY}` : "Rate an hour";
/** So many are drawn at first: a lot may have hundreds. */
const FEW = 30;

export function Slots({ slots, lot }: { slots: Slot[]; lot: Schemas["LotSummary"] }) {
  const [open, setOpen] = useState(false);
  const [shown, setShown] = useState(FEW);
  return (
    <details className="border-t border-line pt-1" onToggle={(event) => { setOpen(event.currentTarget.open); }}>
      <summary className="min-h-11 cursor-pointer py-2.5 text-sm font-medium">Slots ({slots.length})</summary>
      {open && (
        <>
          <Foldable name={`Change the rate of all slots of ${lot.name}`} trigger="Change the rate of all" className="mb-2">
            {(close) => <RateOfAll lot={lot} close={close} />}
          </Foldable>
          <ul className="divide-y divide-line">
            {slots.slice(0, shown).map((slot) => (
              <Row key={slot.id} slot={slot} />
            ))}
          </ul>
          {slots.length > shown && <Button className="mt-2" onClick={() => { setShown(slots.length); }}>Show all {slots.length}</Button>}
        </>
      )}
    </details>
  );
}

function Row({ slot }: { slot: Slot }) {
  const change = useDeed((is_active: boolean) =>
    answer(server.PATCH("/api/slots/{id}/", { params: { path: { id: slot.id } }, body: { is_active } })),
  );
  return (
    <li className="grid gap-1 py-2 text-sm">
      <div className="flex flex-wrap items-center gap-x-3">
        <p className="min-w-0 flex-1 basis-36">
          <span className="font-semibold">Slot {slot.number}</span>{" "}
          <span className="text-soft">{slot.vehicle_type}, {money(slot.hourly_rate)} an hour</span>
        </p>
        {slot.is_active && <Badge tone={slot.free_now ? "good" : "accent"}>{slot.free_now ? "free" : "taken"}</Badge>}
        <Switch label="In use" name={`Slot ${String(slot.number)} is in use`} checked={slot.is_active} disabled={change.isPending} onChange={(is_active) => { change.mutate(is_active); }} />
        <Foldable name={`Edit slot ${String(slot.number)}`} tone="quiet" trigger={<Pencil aria-hidden className="size-4" />}>
          {(close) => <Edit slot={slot} close={close} />}
        </Foldable>
      </div>
      <Problem error={change.error} />
    </li>
  );
}

function Edit({ slot, close }: { slot: Slot; close: () => void }) {
  const { form, set, forget } = useDraft(`slot ${String(slot.id)}`, { number: String(slot.number), vehicle_type: slot.vehicle_type as string, hourly_rate: slot.hourly_rate });
  const end = () => {
    forget();
    close();
  };
  const body = { ...form, number: Number(form.number) } as Schemas["PatchedSlotFields"];
  const save = useDeed(() => answer(server.PATCH("/api/slots/{id}/", { params: { path: { id: slot.id } }, body })), end);
  const errors = errorsOf(save.error);
  const submit = (event: SyntheticEvent) => {
    event.preventDefault();
    save.mutate();
  };
  return (
    <form onSubmit={submit} className="mb-2 grid gap-3 rounded-xl bg-sunken p-4 sm:grid-cols-3">
      <Field label="Number" type="number" min={1} max={99_999} required value={form.number} errors={errors["number"]} onChange={(event) => { set({ number: event.target.value }); }} />
      <Vehicle value={form.vehicle_type} onChange={(vehicle_type) => { set({ vehicle_type }); }} />
      <Field label={RATE} inputMode="decimal" required value={form.hourly_rate} errors={errors["hourly_rate"]} onChange={(event) => { set({ hourly_rate: event.target.value.trim() }); }} />
      <p className="text-sm text-soft sm:col-span-3">What is booked stays booked, at its price.</p>
      <div className="flex flex-wrap gap-2 sm:col-span-3">
        <Button type="submit" tone="main" busy={save.isPending}>Save</Button>
        <Button onClick={end}>Not now</Button>
      </div>
      <div className="sm:col-span-3"><Problem error={save.error} /></div>
    </form>
  );
}

function RateOfAll({ lot, close }: { lot: Schemas["LotSummary"]; close: () => void }) {
  const { form, set, forget } = useDraft(`rate of ${String(lot.id)}`, { hourly_rate: lot.hourly_rate_from ?? "" });
  const end = () => {
    forget();
    close();
  };
  const save = useDeed(() => answer(server.PATCH("/api/lots/{id}/slots/", { params: { path: { id: lot.id } }, body: form })), end);
  const submit = (event: SyntheticEvent) => {
    event.preventDefault();
    save.mutate();
  };
  return (
    <form onSubmit={submit} className="mb-2 grid gap-3 rounded-xl bg-sunken p-4">
      <Field label={RATE} inputMode="decimal" required value={form.hourly_rate} hint="For all slots of this lot. What is booked stays booked, at its price." errors={errorsOf(save.error)["hourly_rate"]} onChange={(event) => { set({ hourly_rate: event.target.value.trim() }); }} />
      <Problem error={save.error} />
      <div className="flex flex-wrap gap-2">
        <Button type="submit" tone="main" busy={save.isPending}>Change all</Button>
        <Button onClick={end}>Not now</Button>
      </div>
    </form>
  );
}

interface NewSlotsProps {
  lot: number;
  /** The first number that no slot has. */
  first: number;
  close: () => void;
}

export function NewSlots({ lot, first, close }: NewSlotsProps) {
  const { form, set, forget } = useDraft(`slots ${String(lot)}`, { count: "10", first: String(first), vehicle_type: "car", hourly_rate: "" });
  const end = () => {
    forget();
    close();
  };
  const add = useDeed(() => answer(server.POST("/api/lots/{id}/slots/", { params: { path: { id: lot } }, body: { slots: slotsOf(form) as never } })), end);
  const submit = (event: SyntheticEvent) => {
    event.preventDefault();
    add.mutate();
  };
  const { number = [], slots = [] } = errorsOf(add.error);
  return (
    <form onSubmit={submit} className="grid grid-cols-2 gap-3 rounded-xl bg-sunken p-4">
      <Field label="How many" type="number" min={1} max={100} required value={form.count} onChange={(event) => { set({ count: event.target.value }); }} />
      <Field label="From number" type="number" min={1} max={99_999} required value={form.first} errors={number} onChange={(event) => { set({ first: event.target.value }); }} />
      <Vehicle value={form.vehicle_type} onChange={(vehicle_type) => { set({ vehicle_type }); }} />
      <Field label={RATE} inputMode="decimal" required placeholder="60.00" value={form.hourly_rate} errors={[...new Set(slots)]} onChange={(event) => { set({ hourly_rate: event.target.value.trim() }); }} />
      <div className="col-span-2"><Problem error={add.error} /></div>
      <div className="col-span-2 flex flex-wrap gap-2">
        <Button type="submit" tone="main" busy={add.isPending}>Add them</Button>
        <Button onClick={end}>Not now</Button>
      </div>
    </form>
  );
}

function Vehicle({ value, onChange }: { value: string; onChange: (value: string) => void }) {
  return (
    <Select label="For" value={value} onChange={(event) => { onChange(event.target.value); }}>
      {VEHICLES.map((vehicle) => <option key={vehicle}>{vehicle}</option>)}
    </Select>
  );
}

function slotsOf({ count, first, ...same }: { count: string; first: string; vehicle_type: string; hourly_rate: string }) {
  return Array.from({ length: Math.min(100, Number(count)) }, (_, index) => ({ number: Number(first) + index, ...same }));
}
