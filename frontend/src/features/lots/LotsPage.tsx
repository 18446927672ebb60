/** Where to park: the lots, what each has free, and what it costs. */
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { LocateFixed, MapPin, SearchX } from "lucide-react";
import { useDeferredValue, useEffect, useState } from "react";
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
  // The address follows what is typed, and comes too late to be what the field shows.
  const [q, setQ] = useState(search.get("q") ?? "");
  const [here, setHere] = useState<Place | null>(null);
  const look = (words: string) => {
    setQ(words);
    setSearch(words ? { q: words } : {}, { replace: true });
  };
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
          onChange={(event) => { look(event.target.value); }}
        />
      </search>
      <Asked query={query} loading={<Loading rows={4} className="h-28" />}>
        {({ results, count }) => (
          <>
            {results.length ? <Lots lots={nearest(results, here)} here={here} /> : <NoLots q={q} onAll={() => { look(""); }} />}
            {count > results.length && (
              <p className="mt-4 text-center text-sm text-soft">
                The first {results.length} of {count} lots. Say a part of the name or the address to see others.
              </p>
            )}
          </>
        )}
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
            <span className={`grid size-14 shrink-0 place-content-center rounded-xl text-center ${lot.free_now ? "bg-good-tint text-good" : "bg-sunken text-soft"}`}>
              <span className="text-xl/6 font-bold">{lot.free_now}</span>
              <span className="text-[0.6875rem]/4">free</span>
            </span>
            <span className="min-w-0 flex-1">
              <span className="block font-semibold">{lot.name}</span>
              <span className="block text-sm text-soft">{lot.address}</span>
              <span className="mt-2 flex flex-wrap gap-2">
                {lot.free_now === 0 && lot.slot_count > 0 && <Badge tone="bad">Full now</Badge>}
                <Badge>{lot.slot_count === 1 ? "1 slot" : lot.slot_count ? `${String(lot.slot_count)} slots` : "no slots yet"}</Badge>
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

function NoLots({ q, onAll }: { q: string; onAll: () => void }) {
  return q ? (
    <Empty icon={SearchX} title="No lot has these words">
      Try fewer of them, or a part of the address.
      <br />
      <Button className="mt-4" onClick={onAll}>Show all lots</Button>
    </Empty>
  ) : (
    <Empty icon={MapPin} title="There are no lots yet">
      Owners add them at their desk.
    </Empty>
  );
}

/** Where one is: asked for by the button, and without it where one has allowed it before. */
function WhereAmI({ onFound }: { onFound: (here: Place) => void }) {
  const [refused, setRefused] = useState<Error | null>(null);
  const [asking, setAsking] = useState(false);
  useEffect(() => {
    if (!("geolocation" in navigator)) return;
    let gone = false;
    const look = async () => {
      const { state } = await navigator.permissions.query({ name: "geolocation" });
      if (state === "granted") navigator.geolocation.getCurrentPosition(({ coords }) => { if (!gone) onFound(coords); });
    };
    // A browser without this question is one where the button is pressed.
    look().catch(() => undefined);
    return () => { gone = true; };
  }, [onFound]);
  if (!("geolocation" in navigator)) return null;
  const find = () => {
    setAsking(true);
    setRefused(null);
    navigator.geolocation.getCurrentPosition(
      ({ coords }) => {
        setAsking(false);
        onFound(coords);
      },
      () => {
        setAsking(false);
        setRefused(new Error("Your device does not say where you are. Allow it in the browser’s settings, or search by address."));
      },
      { timeout: 15_000, maximumAge: 60_000 },
    );
  };
  return (
    <>
      <Problem error={refused} />
      <Button busy={asking} onClick={find}>
        {!asking && <LocateFixed aria-hidden className="size-4" />}
        Nearest first
      </Button>
    </>
  );
}
