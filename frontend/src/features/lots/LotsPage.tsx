/** Where to park: the lots, what each has free, and what it costs. */
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { LocateFixed, MapPin, SearchX } from "lucide-react";
import { useDeferredValue, useState } from "react";
import { Link, useSearchParams } from "react-router";
import type { Schemas } from "@/lib/api";
import { money } from "@/lib/format";
import { useFollow } from "@/lib/live";
import * as ask from "@/lib/queries";
import { Button, Field } from "@/ui/controls";
import { Asked, Badge, Empty, Loading, Page, Problem } from "@/ui/layout";
import { distance, distanceInWords, type Place } from "./distance";

type Lot = Schemas["LotSummary"];

export function LotsPage() {
  const [search, setSearch] = useSearchParams();
  const q = search.get("q") ?? "";
  const [here, setHere] = useState<Place | null>(null);
  const query = useQuery({ ...ask.lots(useDeferredValue(q)), placeholderData: keepPreviousData });
  useFollow(query.data?.results.map(({ id }) => `lot:${String(id)}`) ?? []);
  return (
    <Page title="Find a slot" actions={<WhereAmI onFound={setHere} />}>
      <search>
        <Field
          label="Name or address"
          type="search"
          value={q}
          maxLength={100}
          className="mb-5"
          placeholder="Central, High Street …"
          onChange={(event) => { setSearch(event.target.value ? { q: event.target.value } : {}, { replace: true }); }}
        />
      </search>
      <Asked query={query} loading={<Loading rows={4} className="h-28" />}>
        {({ results }) => (results.length ? <Lots lots={nearest(results, here)} here={here} /> : <NoLots q={q} />)}
      </Asked>
    </Page>
  );
}

function nearest(lots: Lot[], here: Place | null): Lot[] {
  return here ? [...lots].sort((a, b) => (distance(here, a) ?? Infinity) - (distance(here, b) ?? Infinity)) : lots;
}

function Lots({ lots, here }: { lots: Lot[]; here: Place | null }) {
  return (
    <ul className="grid gap-3 sm:grid-cols-2">
      {lots.map((lot) => (
        <li key={lot.id}>
          <Link to={`/lots/${String(lot.id)}`} className="flex h-full items-start gap-4 rounded-2xl border border-line bg-card p-4 transition hover:border-accent">
            <span className="grid size-14 shrink-0 place-content-center rounded-xl bg-tint text-center text-accent">
              <span className="text-xl/6 font-bold">{lot.free_now}</span>
              <span className="text-[0.6875rem]/4">free</span>
            </span>
            <span className="min-w-0 flex-1">
              <span className="block font-semibold break-words">{lot.name}</span>
              <span className="block text-sm break-words text-soft">{lot.address}</span>
              <span className="mt-2 flex flex-wrap gap-2">
                {lot.free_now === 0 && <Badge tone="bad">Full now</Badge>}
                <Badge>{lot.slot_count === 1 ? "1 slot" : `${String(lot.slot_count)} slots`}</Badge>
                {lot.hourly_rate_from !== null && <Badge>from {money(lot.hourly_rate_from)} an hour</Badge>}
                {here && <Badge tone="accent">{distanceInWords(distance(here, lot))}</Badge>}
              </span>
            </span>
          </Link>
        </li>
      ))}
    </ul>
  );
}

function NoLots({ q }: { q: string }) {
  return q ? (
    <Empty icon={SearchX} title="No lot has these words">
      Try fewer of them, or a part of the address.
    </Empty>
  ) : (
    <Empty icon={MapPin} title="There are no lots yet">
      Owners add them at their desk.
    </Empty>
  );
}

function WhereAmI({ onFound }: { onFound: (here: Place) => void }) {
  const [refused, setRefused] = useState<Error | null>(null);
  if (!("geolocation" in navigator)) return null;
  const find = () => {
    navigator.geolocation.getCurrentPosition(
      ({ coords }) => { onFound(coords); },
      () => { setRefused(new Error("Your device does not say where you are.")); },
    );
  };
  return (
    <>
      <Problem error={refused} />
      <Button onClick={find}>
        <LocateFixed aria-hidden className="size-4" />
        Nearest first
      </Button>
    </>
  );
}
