/** What an owner says of a lot: its name, its address, and where it is. */
import { LocateFixed } from "lucide-react";
import { useState, type SyntheticEvent } from "react";
import type { Schemas } from "@/lib/api";
import { useDraft } from "@/lib/draft";
import { Button, Field } from "@/ui/controls";
import { Problem } from "@/ui/layout";
import { errorsOf, useDeed } from "./useDeed";

export const EMPTY_LOT = { name: "", address: "", latitude: "", longitude: "" };

interface LotFormProps {
  /** What its draft is kept under. */
  name: string;
  initial: typeof EMPTY_LOT;
  button: string;
  send: (lot: Schemas["LotFields"]) => Promise<unknown>;
  close?: () => void;
}

export function LotForm({ name, initial, button, send, close }: LotFormProps) {
  const { form, set, forget } = useDraft(name, initial);
  const end = () => {
    forget();
    close?.();
  };
  const save = useDeed(() => send({ ...form, latitude: form.latitude || null, longitude: form.longitude || null }), end);
  const errors = errorsOf(save.error);
  const submit = (event: SyntheticEvent) => {
    event.preventDefault();
    save.mutate();
  };
  return (
    <form onSubmit={submit} className="grid gap-4">
      <Field label="Name" required maxLength={100} autoComplete="off" value={form.name} errors={errors["name"]} onChange={(event) => { set({ name: event.target.value }); }} />
      <Field label="Address" required maxLength={300} autoComplete="off" value={form.address} errors={errors["address"]} onChange={(event) => { set({ address: event.target.value }); }} />
      <div className="grid grid-cols-2 gap-3">
        <Field label="Latitude" inputMode="decimal" placeholder="12.9756" value={form.latitude} errors={errors["latitude"]} onChange={(event) => { set({ latitude: event.target.value.trim() }); }} />
        <Field label="Longitude" inputMode="decimal" placeholder="77.6050" value={form.longitude} errors={errors["longitude"]} onChange={(event) => { set({ longitude: event.target.value.trim() }); }} />
      </div>
      <Here onFound={set} />
      <Problem error={save.error} />
      <div className="flex flex-wrap gap-2">
        <Button type="submit" tone="main" busy={save.isPending}>{button}</Button>
        {close && <Button onClick={end}>Not now</Button>}
      </div>
    </form>
  );
}

/** Drivers see how far a lot is only if it says where it is. */
function Here({ onFound }: { onFound: (place: { latitude: string; longitude: string }) => void }) {
  const [refused, setRefused] = useState<Error | null>(null);
  const [asking, setAsking] = useState(false);
  if (!("geolocation" in navigator)) return null;
  const find = () => {
    setAsking(true);
    setRefused(null);
    navigator.geolocation.getCurrentPosition(
      ({ coords }) => {
        setAsking(false);
        onFound({ latitude: coords.latitude.toFixed(6), longitude: coords.longitude.toFixed(6) });
      },
      () => {
        setAsking(false);
        setRefused(new Error("Your device does not say where you are. You can write the position instead, or leave it out."));
      },
      { timeout: 15_000 },
    );
  };
  return (
    <div className="-mt-1 grid gap-2">
      <Button tone="quiet" busy={asking} onClick={find} className="justify-self-start">
        {!asking && <LocateFixed aria-hidden className="size-4" />}
        I am there now
      </Button>
      <Problem error={refused} />
    </div>
  );
}
