/** The ring, by the server's clock. It only draws: that a booking has ended, the server says. */
import { useQueryClient } from "@tanstack/react-query";
import { useEffect } from "react";
import type { Schemas } from "@/lib/api";
import { countdown, moment } from "@/lib/format";
import { useServerTime } from "@/lib/live";
import { Ring } from "@/ui/Ring";
import { looksAfter } from "./overdue";

type Booking = Schemas["BookingSummary"];

const SOON = 5 * 60_000;

interface Phase {
  readonly words: string;
  readonly big: string;
  readonly left: number;
  readonly tone: "accent" | "warn" | "bad" | "calm";
  readonly ticks: boolean;
}

function phaseOf(booking: Booking, now: number, own: boolean): Phase {
  const [start, end] = [Date.parse(booking.starts_at), Date.parse(booking.ends_at)];
  const over = { left: 0, ticks: false };
  switch (booking.status) {
    case "EXPIRED":
      return { ...over, words: "Time is up, the slot is released", big: "Expired", tone: "bad" };
    case "COMPLETED":
      return { ...over, words: "This booking is closed", big: "Completed", tone: "calm" };
    case "CANCELLED":
      return { ...over, words: own ? "You gave the slot back" : "The driver gave the slot back", big: "Cancelled", tone: "calm" };
    case "CANCELLED_BY_ADMIN":
      return { ...over, words: "The lot refused it", big: "Declined", tone: "bad" };
    default:
      break;
  }
  if (now < start) {
    const left = Math.min(1, (start - now) / Math.max(1, start - Date.parse(booking.created_at)));
    return { words: `Starts ${moment(start, now)}`, big: countdown(start - now), left, tone: "calm", ticks: true };
  }
  if (now >= end) return { ...over, words: "The server is closing it …", big: "0:00", tone: "warn" };
  const tone = end - now <= SOON ? "warn" : "accent";
  return { words: `until ${moment(end, now)}`, big: countdown(end - now), left: (end - now) / (end - start), tone, ticks: true };
}

export function Countdown({ booking, own }: { booking: Booking; own: boolean }) {
  const now = useServerTime();
  const phase = phaseOf(booking, now, own);
  useOverdue(booking, now);
  useCountingTitle(phase, booking);
  return (
    <Ring left={phase.left} tone={phase.tone} label={`${phase.big}, ${phase.words}`}>
      <span className={`font-bold tracking-tight tabular-nums ${phase.big.length > 6 ? "text-4xl" : "text-6xl"}`}>{phase.big}</span>
      <span className="mt-2 text-sm text-soft">{phase.words}</span>
    </Ring>
  );
}

/** The end is told within a moment, so that nothing is asked here unless that does not come. */
function useOverdue(booking: Booking, now: number): void {
  const queries = useQueryClient();
  const holds = booking.status === "BOOKED" || booking.status === "PENDING";
  const looks = holds ? looksAfter(now - Date.parse(booking.ends_at)) : 0;
  useEffect(() => {
    if (looks) void queries.invalidateQueries({ queryKey: ["bookings", booking.id] });
  }, [looks, booking.id, queries]);
}

function useCountingTitle({ big, ticks }: Phase, { lot_name }: Booking): void {
  useEffect(() => {
    document.title = `${ticks ? `${big} · ` : ""}${lot_name} · ParkMate`;
  }, [big, ticks, lot_name]);
}
