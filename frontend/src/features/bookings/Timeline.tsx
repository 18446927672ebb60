/** What happens next, and what became of everything that was due. */
import { useQuery } from "@tanstack/react-query";
import { BellRing, Check, Clock, Minus } from "lucide-react";
import type { Schemas } from "@/lib/api";
import { countdown, exactTime, moment } from "@/lib/format";
import { useServerTime } from "@/lib/live";
import * as ask from "@/lib/queries";
import { Asked } from "@/ui/layout";

type Entry = Schemas["TimelineEntry"];

const COMING: Record<string, string> = {
  WARNING: "You are warned",
  EXPIRY: "The booking ends",
  AUTO_EXPIRY: "It closes by itself",
};

/** The alarms that are set, in order, each with the time until then. */
export function Next({ booking }: { booking: number }) {
  const { data } = useQuery(ask.timeline(booking));
  const now = useServerTime();
  const coming = data?.entries.filter(({ state }) => state === "armed") ?? [];
  if (!coming.length) return null;
  return (
    <ol aria-label="What happens next" className="mt-5 grid gap-2 border-t border-line pt-4">
      {coming.map(({ timer, due_at }) => (
        <li key={timer} className="flex items-center gap-3 text-sm">
          <Clock aria-hidden className="size-4 shrink-0 text-soft" />
          <span className="flex-1">{COMING[timer ?? ""] ?? timer}</span>
          <span className="text-soft">{due_at && moment(due_at, now)}</span>
          <span className="min-w-16 text-right font-semibold tabular-nums">{due_at && countdown(Date.parse(due_at) - now)}</span>
        </li>
      ))}
    </ol>
  );
}

export function Timeline({ booking }: { booking: number }) {
  const query = useQuery(ask.timeline(booking));
  return (
    <Asked query={query}>
      {({ entries }) => {
        const past = entries.filter(({ state }) => state !== "armed");
        if (!past.length) return <p className="text-sm text-soft">Nothing has been due yet.</p>;
        return (
          <ol className="grid gap-3">
            {past.map((entry, index) => (
              <Line key={index} entry={entry} />
            ))}
          </ol>
        );
      }}
    </Asked>
  );
}

function Line({ entry }: { entry: Entry }) {
  const happened = entry.fired_at ?? entry.committed_at;
  const Icon = entry.message ? BellRing : happened ? Check : Minus;
  const words = entry.message ?? `${COMING[entry.timer ?? ""] ?? ""}: ${entry.state ?? ""}`;
  return (
    <li className="flex gap-3 text-sm">
      <Icon aria-hidden className={`mt-0.5 size-4 shrink-0 ${happened ? "text-good" : "text-soft"}`} />
      <div className="min-w-0">
        <p className="break-words">{words}</p>
        <p className="text-soft">{[...steps(entry)].join(" · ")}</p>
      </div>
    </li>
  );
}

function* steps(entry: Entry): Generator<string> {
  if (entry.due_at) yield `due ${exactTime(entry.due_at)}`;
  if (entry.fired_at) yield `done ${exactTime(entry.fired_at)}`;
  else if (entry.committed_at) yield exactTime(entry.committed_at);
  if (entry.acknowledged_at) yield `seen ${exactTime(entry.acknowledged_at)}`;
}
