/** What happens next, and what became of everything that was due. */
import { useQuery } from "@tanstack/react-query";
import { BellRing, Check, Clock, Minus } from "lucide-react";
import type { Schemas } from "@/lib/api";
import { countdown, exactMoment, moment } from "@/lib/format";
import { useServerTime } from "@/lib/live";
import * as ask from "@/lib/queries";
import { Asked } from "@/ui/layout";

type Entry = Schemas["TimelineEntry"];

const COMING: Record<string, string> = {
  WARNING: "The warning",
  EXPIRY: "The booking ends, the slot is free",
  AUTO_EXPIRY: "It closes by itself",
};

const STATES: Record<string, string> = {
  cancelled: "not needed any more",
  superseded: "left out, it would have come too late",
  parked: "held up; the operators know",
  fired: "done",
};

/** What begins or ends when, in order, each with the time until then. */
export function Next({ booking }: { booking: Schemas["BookingSummary"] }) {
  const { data } = useQuery(ask.timeline(booking.id));
  const now = useServerTime();
  const holds = booking.status === "BOOKED" || booking.status === "PENDING";
  const armed = (data?.entries ?? []).flatMap(({ timer, state, due_at }) => (state === "armed" && due_at ? [{ words: COMING[timer ?? ""] ?? timer ?? "", at: due_at }] : []));
  const start = holds && Date.parse(booking.starts_at) > now ? [{ words: "The booking begins", at: booking.starts_at }] : [];
  if (!armed.length && !start.length) return null;
  return (
    <section className="mt-6 border-t border-line pt-4">
      <h2 className="mb-2 text-sm font-semibold text-soft">What happens next</h2>
      <ol className="grid gap-2">
        {[...start, ...armed].map(({ words, at }) => (
          <li key={words} className="flex items-center gap-3 text-sm">
            <Clock aria-hidden className="size-4 shrink-0 text-soft" />
            <span className="min-w-0 flex-1">
              {words} <span className="text-soft">{moment(at, now)}</span>
            </span>
            <span className="text-right font-semibold whitespace-nowrap tabular-nums">in {countdown(Date.parse(at) - now)}</span>
          </li>
        ))}
      </ol>
    </section>
  );
}

export function Timeline({ booking }: { booking: number }) {
  const query = useQuery(ask.timeline(booking));
  const now = useServerTime();
  return (
    <Asked query={query}>
      {({ entries }) => {
        const past = entries.filter(({ state }) => state !== "armed");
        if (!past.length) return <p className="text-sm text-soft">Nothing has been due yet.</p>;
        return (
          <ol className="grid gap-3">
            {past.map((entry, index) => (
              <Line key={index} entry={entry} now={now} />
            ))}
          </ol>
        );
      }}
    </Asked>
  );
}

function Line({ entry, now }: { entry: Entry; now: number }) {
  const happened = entry.fired_at ?? entry.committed_at;
  const Icon = entry.message ? BellRing : happened ? Check : Minus;
  const words = entry.message ?? `${COMING[entry.timer ?? ""] ?? ""}: ${STATES[entry.state ?? ""] ?? ""}`;
  return (
    <li className="flex gap-3 text-sm">
      <Icon aria-hidden className={`mt-0.5 size-4 shrink-0 ${happened ? "text-good" : "text-soft"}`} />
      <div className="min-w-0">
        <p>{words}</p>
        <p className="text-soft">{[...steps(entry, now)].join(" · ")}</p>
      </div>
    </li>
  );
}

function* steps(entry: Entry, now: number): Generator<string> {
  if (entry.due_at) yield `due ${exactMoment(entry.due_at, now)}`;
  if (entry.fired_at) yield `done ${exactMoment(entry.fired_at, now)}`;
  else if (entry.committed_at) yield exactMoment(entry.committed_at, now);
  if (entry.acknowledged_at) yield `arrived ${exactMoment(entry.acknowledged_at, now)}`;
  if (entry.read_at) yield `read ${exactMoment(entry.read_at, now)}`;
}
