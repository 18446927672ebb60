/** What may be done with a booking, as its driver or its lot's owner. The server decides whether. */
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type ReactNode, type SyntheticEvent } from "react";
import { Link, useNavigate } from "react-router";
import { useQuery } from "@tanstack/react-query";
import { answer, Refusal, server, type Schemas } from "@/lib/api";
import { useDraft } from "@/lib/draft";
import { estimate, moment, money } from "@/lib/format";
import { serverNow, useServerTime } from "@/lib/live";
import * as ask from "@/lib/queries";
import { useWish } from "@/lib/wish";
import { Confirm } from "@/ui/Confirm";
import { Button, buttonClass } from "@/ui/controls";
import { Foldable } from "@/ui/Foldable";
import { Card, CardTitle, focusHeading, Problem } from "@/ui/layout";
import { Length } from "@/ui/Length";
import { FIRST_PAYMENT, Payment } from "@/ui/Payment";

type Booking = Schemas["BookingSummary"];

const MINUTE = 60_000;

export function Actions({ booking, own }: { booking: Booking; own: boolean }) {
  const holds = booking.status === "BOOKED" || booking.status === "PENDING";
  if (!own) return holds ? <End booking={booking} verb="decline" /> : null;
  if (booking.status === "EXPIRED") return <Renew booking={booking} />;
  if (!holds) {
    return (
      <Link to={`/lots/${String(booking.lot)}?slot=${String(booking.slot)}`} className={buttonClass("main")}>
        Book this slot again
      </Link>
    );
  }
  return (
    <>
      <Foldable name="Stay longer" trigger="Stay longer" tone="main" className="w-full">
        {(close) => <Extend booking={booking} close={close} />}
      </Foldable>
      <End booking={booking} verb="cancel" />
    </>
  );
}

function Extend({ booking, close }: { booking: Booking; close: () => void }) {
  const end = Date.parse(booking.ends_at);
  const extend = useWish(
    ({ minutes, payment }: MoreForm) => ({ ends_at: new Date(end + minutes * MINUTE).toISOString(), ...payment }),
    (body, key) => answer(server.POST("/api/bookings/{id}/extend/", { body, params: { path: { id: booking.id }, header: { "Idempotency-Key": key } } })),
    close,
  );
  return <More title="Stay longer" button="Extend and pay" booking={booking} from={end} wish={extend} onCancel={close} />;
}

function Renew({ booking }: { booking: Booking }) {
  const navigate = useNavigate();
  const now = useServerTime();
  const renew = useWish(
    ({ minutes, payment }: MoreForm) => ({ ends_at: new Date(serverNow() + minutes * MINUTE).toISOString(), ...payment }),
    (body, key) => answer(server.POST("/api/bookings/{id}/renew/", { body, params: { path: { id: booking.id }, header: { "Idempotency-Key": key } } })),
    (renewed) => void navigate(`/bookings/${String(renewed.id)}`, { replace: true }),
  );
  return (
    <More title="Renew booking" button="Renew and pay" booking={booking} from={now} wish={renew}>
      <p className="text-sm text-soft">The same slot again, from now on. If nobody renews it, the booking closes by itself.</p>
    </More>
  );
}

interface MoreForm {
  minutes: number;
  payment: typeof FIRST_PAYMENT;
}

interface MoreProps {
  title: string;
  button: string;
  booking: Booking;
  /** From when the time that is paid for counts. */
  from: number;
  wish: { mutate: (form: MoreForm) => void; isPending: boolean; error: Error | null };
  onCancel?: () => void;
  children?: ReactNode;
}

function More({ title, button, booking, from, wish, onCancel, children }: MoreProps) {
  const now = useServerTime();
  const { form, set } = useDraft(`${title} ${String(booking.id)}`, { minutes: 30, payment: FIRST_PAYMENT });
  const { minutes, payment } = form;
  const { data: lot } = useQuery(ask.lot(booking.lot));
  const rate = lot?.slots.find(({ id }) => id === booking.slot)?.hourly_rate;
  const errors = wish.error instanceof Refusal ? wish.error.fields : {};
  const submit = (event: SyntheticEvent) => {
    event.preventDefault();
    if (!wish.isPending) wish.mutate({ minutes, payment });
  };
  return (
    <Card>
      <CardTitle>{title}</CardTitle>
      <form onSubmit={submit} className="grid gap-5">
        {children}
        <Length label="For another" minutes={minutes} onChange={(chosen) => { set({ minutes: chosen }); }} errors={errors["ends_at"]} />
        <Payment value={payment} onChange={(chosen) => { set({ payment: chosen }); }} errors={errors["payment_token"]} />
        <p className="flex items-end justify-between gap-4 border-t border-line pt-4 text-sm text-soft">
          Until {moment(from + minutes * MINUTE, now)}
          {rate && <span className="text-2xl font-bold text-ink tabular-nums">{money(estimate(rate, minutes * MINUTE))}</span>}
        </p>
        <Problem error={worded(wish.error, now)} />
        <div className="flex flex-wrap gap-2">
          <Button type="submit" tone="main" busy={wish.isPending} className="flex-1">
            {button}
          </Button>
          {onCancel && <Button onClick={onCancel}>Not now</Button>}
        </div>
      </form>
    </Card>
  );
}

/** The server's words, and what may be done. */
function worded(error: Error | null, now: number): Error | null {
  if (!(error instanceof Refusal)) return error;
  const free = error.facts["next_free_at"];
  if (typeof free === "string") return new Error(`${error.message} It is free for as long from ${moment(free, now)}: choose a shorter time, or another slot.`);
  if (error.code === "payment_declined") return new Error(`${error.message} Nothing has changed: pay another way, or try again.`);
  return error;
}

const ENDS = {
  cancel: { path: "/api/bookings/{id}/cancel/", trigger: "Cancel booking", title: "Give the slot back?", yes: "Yes, cancel it" },
  decline: { path: "/api/bookings/{id}/decline/", trigger: "Decline booking", title: "Decline this booking?", yes: "Yes, decline it" },
} as const;

function End({ booking, verb }: { booking: Booking; verb: keyof typeof ENDS }) {
  const queries = useQueryClient();
  const { path, trigger, title, yes } = ENDS[verb];
  const end = useMutation({
    mutationFn: () => answer(server.POST(path, { params: { path: { id: booking.id } } })),
    onSuccess: focusHeading,
    onSettled: () => queries.invalidateQueries(),
  });
  return (
    <div className="grid gap-3">
      <Confirm trigger={trigger} title={title} yes={yes} busy={end.isPending} onYes={() => { end.mutate(); }}>
        The slot is free for others at once, and what was paid is refunded. This cannot be undone.
      </Confirm>
      <Problem error={end.error} />
    </div>
  );
}
