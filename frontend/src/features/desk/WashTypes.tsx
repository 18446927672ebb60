/** What car washes a lot offers, at what price. */
import { useQuery } from "@tanstack/react-query";
import { Pencil } from "lucide-react";
import { type SyntheticEvent } from "react";
import { answer, server, type Schemas } from "@/lib/api";
import { useDraft } from "@/lib/draft";
import { CURRENCY, money } from "@/lib/format";
import * as ask from "@/lib/queries";
import { Button, Field, Switch } from "@/ui/controls";
import { Foldable } from "@/ui/Foldable";
import { Problem } from "@/ui/layout";
import { errorsOf, useDeed } from "./useDeed";

type WashType = Schemas["WashTypeSummary"];

export function WashTypes({ lot }: { lot: number }) {
  const { data } = useQuery(ask.washTypes(lot));
  const offered = data?.filter(({ is_offered }) => is_offered).length ?? 0;
  return (
    <details className="border-t border-line pt-1">
      <summary className="min-h-11 cursor-pointer py-2.5 text-sm font-medium">Car washes offered ({offered})</summary>
      <ul className="divide-y divide-line">
        {data?.map((type) => <Row key={type.id} type={type} />)}
      </ul>
      <div className="mt-3">
        <WashForm name={`wash of ${String(lot)}`} initial={{ name: "", price: "" }} button="Offer it" send={(body) => answer(server.POST("/api/lots/{id}/carwash-types/", { params: { path: { id: lot } }, body }))} />
      </div>
    </details>
  );
}

function Row({ type }: { type: WashType }) {
  const at = { params: { path: { id: type.id } } };
  const change = useDeed((is_offered: boolean) => answer(server.PATCH("/api/carwash-types/{id}/", { ...at, body: { is_offered } })));
  return (
    <li className="grid gap-1 py-2 text-sm">
      <div className="flex flex-wrap items-center gap-x-3">
        <p className="min-w-0 flex-1 basis-36">
          {type.name} <span className="text-soft">{money(type.price)}</span>
        </p>
        <Switch label="Offered" name={`${type.name} is offered`} checked={type.is_offered} disabled={change.isPending} onChange={(is_offered) => { change.mutate(is_offered); }} />
        <Foldable name={`Edit ${type.name}`} tone="quiet" trigger={<Pencil aria-hidden className="size-4" />}>
          {(close) => (
            <WashForm
              name={`wash type ${String(type.id)}`}
              initial={{ name: type.name, price: type.price }}
              button="Save"
              send={(body) => answer(server.PATCH("/api/carwash-types/{id}/", { ...at, body }))}
              close={close}
            />
          )}
        </Foldable>
      </div>
      <Problem error={change.error} />
    </li>
  );
}

interface WashFormProps {
  name: string;
  initial: { name: string; price: string };
  button: string;
  send: (body: { name: string; price: string }) => Promise<unknown>;
  close?: () => void;
}

function WashForm({ name, initial, button, send, close }: WashFormProps) {
  const { form, set, forget } = useDraft(name, initial);
  const end = () => {
    forget();
    close?.();
  };
  const save = useDeed(() => send(form), end);
  const errors = errorsOf(save.error);
  const submit = (event: SyntheticEvent) => {
    event.preventDefault();
    save.mutate();
  };
  return (
    <form onSubmit={submit} className="grid gap-3">
      <div className="grid gap-3 sm:grid-cols-[1fr_9rem]">
        <Field label="Kind of wash" required maxLength={50} autoComplete="off" value={form.name} errors={errors["name"]} onChange={(event) => { set({ name: event.target.value }); }} />
        <Field label={CURRENCY ? `Price, ${CURRENCY}` : "Price"} inputMode="decimal" required value={form.price} errors={errors["price"]} onChange={(event) => { set({ price: event.target.value.trim() }); }} />
      </div>
      <Problem error={save.error} />
      <div className="flex flex-wrap gap-2">
        <Button type="submit" busy={save.isPending}>{button}</Button>
        {close && <Button onClick={end}>Not now</Button>}
      </div>
    </form>
  );
}
