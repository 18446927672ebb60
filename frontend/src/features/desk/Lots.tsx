/** One's lots: each with its slots, its rates, and what washes it offers. */
import { useQuery } from "@tanstack/react-query";
import { MapPin, Pencil } from "lucide-react";
import { Link } from "react-router";
import { answer, server, type Schemas } from "@/lib/api";
import { money } from "@/lib/format";
import { useFollow } from "@/lib/live";
import * as ask from "@/lib/queries";
import { Confirm } from "@/ui/Confirm";
import { Button, buttonClass } from "@/ui/controls";
import { Foldable } from "@/ui/Foldable";
import { Asked, Badge, Card, CardTitle, Empty, Problem, Skeleton } from "@/ui/layout";
import { EMPTY_LOT, LotForm } from "./LotForm";
import { NewSlots, Slots } from "./Slots";
import { useDeed } from "./useDeed";
import { WashTypes } from "./WashTypes";

type LotSummary = Schemas["LotSummary"];

export function Lots() {
  return (
    <div className="grid items-start gap-4 lg:grid-cols-[1fr_20rem]">
      <Asked query={useQuery(ask.lots("", true))}>
        {({ results }) =>
          results.length ? (
            <div className="grid gap-4">
              {results.map((lot) => (
                <Lot key={lot.id} lot={lot} />
              ))}
            </div>
          ) : (
            <Empty icon={MapPin} title="You have no lot yet">Add one here, and then its slots: many at once.</Empty>
          )
        }
      </Asked>
      <Card>
        <CardTitle>Another lot</CardTitle>
        <LotForm name="new lot" initial={EMPTY_LOT} button="Add the lot" send={(body) => answer(server.POST("/api/lots/", { body }))} />
      </Card>
    </div>
  );
}

function Lot({ lot }: { lot: LotSummary }) {
  const query = useQuery(ask.lot(lot.id));
  useFollow([`lot:${String(lot.id)}`]);
  return (
    <Card>
      <CardTitle aside={<Badge tone={lot.slot_count ? "good" : "calm"}>{summary(lot)}</Badge>}>{lot.name}</CardTitle>
      <p className="-mt-2 mb-4 text-sm text-soft">
        {lot.address}
        {lot.hourly_rate_from !== null && `. From ${money(lot.hourly_rate_from)} an hour.`}
      </p>
      <Asked query={query} loading={<Skeleton />}>
        {({ slots }) => (
          <div className="grid gap-2">
            <div className="mb-2 flex flex-wrap gap-2">
              <Foldable name={`Add slots to ${lot.name}`} trigger="Add slots" tone={slots.length ? "plain" : "main"}>
                {(close) => <NewSlots lot={lot.id} first={Math.max(0, ...slots.map(({ number }) => number)) + 1} close={close} />}
              </Foldable>
              <Foldable name={`Edit ${lot.name}`} trigger={<><Pencil aria-hidden className="size-4" /> Edit</>}>
                {(close) => <Edit lot={lot} close={close} />}
              </Foldable>
              <Link to={`/lots/${String(lot.id)}`} className={buttonClass()}>As drivers see it</Link>
              {slots.length > 0 && <Everything lot={lot} />}
            </div>
            {slots.length > 0 && <Slots slots={slots} lot={lot} />}
            <WashTypes lot={lot.id} />
          </div>
        )}
      </Asked>
    </Card>
  );
}

function summary({ slot_count, free_now }: LotSummary): string {
  return slot_count ? `${String(free_now)} of ${String(slot_count)} free` : "no slot is open";
}

function Edit({ lot, close }: { lot: LotSummary; close: () => void }) {
  const { name, address, latitude, longitude } = lot;
  return (
    <div className="rounded-xl bg-sunken p-4">
      <LotForm
        name={`lot ${String(lot.id)}`}
        initial={{ name, address, latitude: latitude ?? "", longitude: longitude ?? "" }}
        button="Save"
        send={(body) => answer(server.PATCH("/api/lots/{id}/", { params: { path: { id: lot.id } }, body }))}
        close={close}
      />
    </div>
  );
}

/** Closes the whole lot to new bookings, or opens it again. What is booked stays booked. */
function Everything({ lot }: { lot: LotSummary }) {
  const change = useDeed((is_active: boolean) => answer(server.PATCH("/api/lots/{id}/slots/", { params: { path: { id: lot.id } }, body: { is_active } })));
  return (
    <>
      {lot.slot_count ? (
        <Confirm trigger="Close" name={`Close ${lot.name}`} title={`Close ${lot.name} to new bookings?`} yes="Yes, close it" no="No, keep it open" busy={change.isPending} onYes={() => { change.mutate(false); }}>
          All its slots go out of use. What is booked stays booked, and you may open it again.
        </Confirm>
      ) : (
        <Button tone="main" aria-label={`Open ${lot.name}`} busy={change.isPending} onClick={() => { change.mutate(true); }}>Open</Button>
      )}
      <Problem error={change.error} />
    </>
  );
}
