/** One's lots, their slots, many added at once, and what washes they offer. */
import { useQuery } from "@tanstack/react-query";
import { MapPin } from "lucide-react";
import { useState, type SyntheticEvent } from "react";
import { answer, Refusal, server, type Schemas } from "@/lib/api";
import { money } from "@/lib/format";
import { useFollow } from "@/lib/live";
import * as ask from "@/lib/queries";
import { Button, Field, Select, Switch } from "@/ui/controls";
import { Asked, Badge, Card, CardTitle, Empty, Problem, Skeleton } from "@/ui/layout";
import { useDeed } from "./useDeed";

export function Lots() {
  return (
    <div className="grid items-start gap-4 lg:grid-cols-[1fr_20rem]">
      <Asked query={useQuery(ask.lots("", true))}>
        {({ results }) =>
          results.length ? (
            <div className="grid gap-4">
              {results.map((lot) => (
                <Lot key={lot.id} id={lot.id} name={lot.name} address={lot.address} />
              ))}
            </div>
          ) : (
            <Empty icon={MapPin} title="You have no lot yet">Add one, and then its slots.</Empty>
          )
        }
      </Asked>
      <NewLot />
    </div>
  );
}

function errorsOf(error: Error | null) {
  return error instanceof Refusal ? error.fields : {};
}

function NewLot() {
  const [form, setForm] = useState({ name: "", address: "" });
  const add = useDeed(() => answer(server.POST("/api/lots/", { body: form })), () => { setForm({ name: "", address: "" }); });
  const errors = errorsOf(add.error);
  const submit = (event: SyntheticEvent) => {
    event.preventDefault();
    add.mutate(undefined);
  };
  return (
    <Card>
      <CardTitle>Another lot</CardTitle>
      <form onSubmit={submit} className="grid gap-4">
        <Field label="Name" required maxLength={100} value={form.name} errors={errors["name"]} onChange={(event) => { setForm({ ...form, name: event.target.value }); }} />
        <Field label="Address" required maxLength={300} value={form.address} errors={errors["address"]} onChange={(event) => { setForm({ ...form, address: event.target.value }); }} />
        <Problem error={add.error} />
        <Button type="submit" tone="main" busy={add.isPending}>Add the lot</Button>
      </form>
    </Card>
  );
}

function Lot({ id, name, address }: { id: number; name: string; address: string }) {
  useFollow([`lot:${String(id)}`]);
  return (
    <Card>
      <CardTitle>{name}</CardTitle>
      <p className="-mt-2 mb-3 text-sm text-soft">{address}</p>
      <Asked query={useQuery(ask.lot(id))} loading={<Skeleton />}>
        {({ slots }) => (
          <>
            {slots.length > 0 && (
              <ul className="mb-4 divide-y divide-line">
                {slots.map((slot) => (
                  <SlotRow key={slot.id} slot={slot} />
                ))}
              </ul>
            )}
            <NewSlots lot={id} first={Math.max(0, ...slots.map(({ number }) => number)) + 1} />
          </>
        )}
      </Asked>
      <WashTypes lot={id} />
    </Card>
  );
}

function SlotRow({ slot }: { slot: Schemas["SlotWithFreedom"] }) {
  const change = useDeed((is_active: boolean) =>
    answer(server.PATCH("/api/slots/{id}/", { params: { path: { id: slot.id } }, body: { is_active } })),
  );
  return (
    <li className="flex flex-wrap items-center gap-x-4 text-sm">
      <span className="min-w-16 font-semibold">Slot {slot.number}</span>
      <span className="flex-1 text-soft">{slot.vehicle_type}, {money(slot.hourly_rate)} an hour</span>
      {slot.is_active && <Badge tone={slot.free_now ? "good" : "accent"}>{slot.free_now ? "free" : "taken"}</Badge>}
      <Switch label="In use" checked={slot.is_active} disabled={change.isPending} onChange={(is_active) => { change.mutate(is_active); }} />
      <Problem error={change.error} />
    </li>
  );
}

const VEHICLES: Schemas["SlotFields"]["vehicle_type"][] = ["car", "motorcycle", "van"];

function NewSlots({ lot, first }: { lot: number; first: number }) {
  const [open, setOpen] = useState(false);
  const [form, setForm] = useState({ count: "10", vehicle_type: "car", hourly_rate: "60.00" });
  const add = useDeed(
    () => answer(server.POST("/api/lots/{id}/slots/", { params: { path: { id: lot } }, body: { slots: slotsOf(form, first) as never } })),
    () => { setOpen(false); },
  );
  if (!open) return <Button onClick={() => { setOpen(true); }}>Add slots</Button>;
  const submit = (event: SyntheticEvent) => {
    event.preventDefault();
    add.mutate(undefined);
  };
  const errors = errorsOf(add.error)["slots"] ?? [];
  return (
    <form onSubmit={submit} className="grid gap-4 rounded-xl bg-sunken p-4 sm:grid-cols-3">
      <Field label="How many" type="number" min={1} max={100} required value={form.count} hint={`from number ${String(first)} on`} onChange={(event) => { setForm({ ...form, count: event.target.value }); }} />
      <Select label="For" value={form.vehicle_type} onChange={(event) => { setForm({ ...form, vehicle_type: event.target.value }); }}>
        {VEHICLES.map((vehicle) => <option key={vehicle}>{vehicle}</option>)}
      </Select>
      <Field label="Rate an hour" inputMode="decimal" required value={form.hourly_rate} errors={[...new Set(errors)]} onChange={(event) => { setForm({ ...form, hourly_rate: event.target.value }); }} />
      <div className="flex flex-wrap gap-2 sm:col-span-3">
        <Button type="submit" tone="main" busy={add.isPending}>Add them</Button>
        <Button onClick={() => { setOpen(false); }}>Not now</Button>
      </div>
      <div className="sm:col-span-3"><Problem error={add.error} /></div>
    </form>
  );
}

function slotsOf({ count, ...same }: { count: string; vehicle_type: string; hourly_rate: string }, first: number) {
  return Array.from({ length: Math.min(100, Number(count)) }, (_, index) => ({ number: first + index, ...same }));
}

function WashTypes({ lot }: { lot: number }) {
  const { data } = useQuery(ask.washTypes(lot));
  const [form, setForm] = useState({ name: "", price: "" });
  const add = useDeed(
    () => answer(server.POST("/api/lots/{id}/carwash-types/", { params: { path: { id: lot } }, body: form })),
    () => { setForm({ name: "", price: "" }); },
  );
  const errors = errorsOf(add.error);
  const submit = (event: SyntheticEvent) => {
    event.preventDefault();
    add.mutate(undefined);
  };
  return (
    <details className="mt-4 border-t border-line pt-3">
      <summary className="cursor-pointer text-sm font-medium">Car washes offered ({data?.filter(({ is_offered }) => is_offered).length ?? 0})</summary>
      <ul className="mt-2 text-sm text-soft">
        {data?.map(({ id, name, price }) => <li key={id} className="break-words">{name}, {money(price)}</li>)}
      </ul>
      <form onSubmit={submit} className="mt-3 grid items-end gap-3 sm:grid-cols-[1fr_8rem_auto]">
        <Field label="Kind of wash" required maxLength={50} value={form.name} errors={errors["name"]} onChange={(event) => { setForm({ ...form, name: event.target.value }); }} />
        <Field label="Price" inputMode="decimal" required value={form.price} errors={errors["price"]} onChange={(event) => { setForm({ ...form, price: event.target.value }); }} />
        <Button type="submit" busy={add.isPending}>Offer it</Button>
      </form>
      <Problem error={add.error} />
    </details>
  );
}
