/** How long, which vehicle, how to pay; the price before paying. */
import { MousePointerClick } from "lucide-react";
import { type ReactNode, type SyntheticEvent } from "react";
import { useNavigate } from "react-router";
import { answer, Refusal, server, type Schemas } from "@/lib/api";
import { useDraft } from "@/lib/draft";
import { asLocalField, duration, estimate, moment, money } from "@/lib/format";
import { serverNow, useServerTime } from "@/lib/live";
import { useWish } from "@/lib/wish";
import { Button, Choice, Field } from "@/ui/controls";
import { Length } from "@/ui/Length";
import { Card, CardTitle, Empty, Problem } from "@/ui/layout";
import { FIRST_PAYMENT, Payment } from "@/ui/Payment";
import { fit } from "./freedom";

type Slot = Schemas["SlotWithFreedom"];

const MINUTE = 60_000;
const QUARTER = 15 * MINUTE;
const VEHICLE = "parkmate.vehicle";

const FIRST = { isLater: false, later: "", minutes: 60, payment: FIRST_PAYMENT };

interface BookFormProps {
  lot: Schemas["LotWithSlots"];
  slot: Slot | null;
}

export function BookForm({ lot, slot }: BookFormProps) {
  const navigate = useNavigate();
  const now = useServerTime();
  const draft = useDraft(`book ${String(lot.id)}`, { ...FIRST, vehicle: localStorage.getItem(VEHICLE) ?? "" });
  const { isLater, later, minutes, vehicle, payment } = draft.form;
  const book = useWish(compose, send, (booking) => {
    localStorage.setItem(VEHICLE, vehicle);
    draft.forget();
    void navigate(`/bookings/${String(booking.id)}`);
  });
  if (!slot) return <Empty icon={MousePointerClick} title="Choose a slot">Then say how long, and see the price before you pay.</Empty>;
  const errors = book.error instanceof Refusal ? book.error.fields : {};
  const from = isLater && later ? Date.parse(later) : now;
  const to = from + minutes * MINUTE;
  const startAt = (at: number) => { draft.set({ isLater: true, later: asLocalField(Math.ceil(at / MINUTE) * MINUTE) }); };
  const submit = (event: SyntheticEvent) => {
    event.preventDefault();
    if (!book.isPending) book.mutate({ slot: slot.id, minutes, later: isLater ? later : null, vehicle, payment });
  };
  return (
    <Card>
      <CardTitle aside={<span className="text-sm text-soft">{money(slot.hourly_rate)} an hour</span>}>Book slot {slot.number}</CardTitle>
      <form onSubmit={submit} className="grid gap-5">
        <Choice
          label="From"
          value={isLater ? "later" : "now"}
          options={[{ value: "now", label: "Now" }, { value: "later", label: "Later" }]}
          onChange={(chosen) => {
            if (chosen === "now") draft.set({ isLater: false });
            else if (later) draft.set({ isLater: true });
            else startAt(Math.ceil((now + QUARTER) / QUARTER) * QUARTER);
          }}
        />
        {isLater && (
          <Field
            label="Starts at"
            type="datetime-local"
            required
            min={asLocalField(now)}
            value={later}
            errors={errors["starts_at"]}
            onChange={(event) => { draft.set({ later: event.target.value }); }}
          />
        )}
        <Length minutes={minutes} onChange={(chosen) => { draft.set({ minutes: chosen }); }} errors={errors["ends_at"]} />
        <Hint slot={slot} from={from} to={to} now={now} outlookUntil={Date.parse(lot.outlook_until)} onStart={startAt} onEnd={(at) => { draft.set({ minutes: Math.floor((at - from) / MINUTE) }); }} />
        <Field
          label="Vehicle number"
          name="vehicle_number"
          autoCapitalize="characters"
          autoComplete="off"
          spellCheck={false}
          required
          maxLength={20}
          placeholder="KA 01 AB 1234"
          value={vehicle}
          errors={errors["vehicle_number"]}
          onChange={(event) => { draft.set({ vehicle: event.target.value }); }}
        />
        <Payment value={payment} onChange={(chosen) => { draft.set({ payment: chosen }); }} errors={errors["payment_token"]} />
        <div className="flex items-end justify-between gap-4 border-t border-line pt-4">
          <p className="text-sm text-soft">
            {Number.isNaN(to) ? "Say when and how long" : `Until ${moment(to, now)}`}
            <br />
            {duration(minutes * MINUTE)} at {money(slot.hourly_rate)} an hour
          </p>
          <p className="text-2xl font-bold tabular-nums" data-testid="estimate">{money(estimate(slot.hourly_rate, minutes * MINUTE))}</p>
        </div>
        <Refused error={book.error} now={now} onStart={startAt} />
        <Button type="submit" tone="main" busy={book.isPending}>
          {payment.payment_method === "cash" ? "Book, pay at the lot" : "Book and pay"}
        </Button>
      </form>
    </Card>
  );
}

interface Form {
  slot: number;
  minutes: number;
  later: string | null;
  vehicle: string;
  payment: typeof FIRST_PAYMENT;
}

function compose({ slot, minutes, later, vehicle, payment }: Form): Schemas["NewBooking"] {
  const startsAt = later ? Date.parse(later) : null;
  return {
    slot,
    vehicle_number: vehicle,
    starts_at: startsAt === null ? null : new Date(startsAt).toISOString(),
    ends_at: new Date((startsAt ?? serverNow()) + minutes * MINUTE).toISOString(),
    ...payment,
  };
}

function send(body: Schemas["NewBooking"], key: string) {
  return answer(server.POST("/api/bookings/", { body, params: { header: { "Idempotency-Key": key } } }));
}

interface HintProps {
  slot: Slot;
  from: number;
  to: number;
  now: number;
  outlookUntil: number;
  onStart: (at: number) => void;
  onEnd: (at: number) => void;
}

/** Before one pays: whether somebody else has the slot for some of that time, and what would fit. */
function Hint({ slot, from, to, now, outlookUntil, onStart, onEnd }: HintProps) {
  if (Number.isNaN(to)) return null;
  const found = fit(slot, { from, to }, outlookUntil);
  if (found.fits) return null;
  if ("until" in found) {
    const room = found.until - from >= MINUTE;
    return (
      <Note words={`Somebody else has it from ${moment(found.until, now)}.`}>
        {room && <Button tone="quiet" onClick={() => { onEnd(found.until); }}>Until then</Button>}
      </Note>
    );
  }
  const { from: free } = found;
  if (free === null) return <Note words="It is taken for the coming days. Choose another slot." />;
  return (
    <Note words={`It is taken then, and free from ${moment(free, now)}.`}>
      <Button tone="quiet" onClick={() => { onStart(free); }}>Start then</Button>
    </Note>
  );
}

function Note({ words, children }: { words: string; children?: ReactNode }) {
  return (
    <div role="status" className="flex flex-wrap items-center justify-between gap-x-3 rounded-xl bg-warn-tint px-4 py-2 text-sm text-warn">
      <p className="min-w-0 flex-1 basis-40 py-1">{words}</p>
      {children}
    </div>
  );
}

interface RefusedProps {
  error: Error | null;
  now: number;
  onStart: (at: number) => void;
}

/** Somebody was first: says when the slot is free again. The money was refused: says what may be done. */
function Refused({ error, now, onStart }: RefusedProps) {
  if (!(error instanceof Refusal)) return <Problem error={error} />;
  const free = error.facts["next_free_at"];
  if (typeof free === "string") {
    return (
      <Problem error={new Error(`${error.message} It is free for as long from ${moment(free, now)}.`)}>
        <Button tone="quiet" onClick={() => { onStart(Date.parse(free)); }}>Start then</Button>
      </Problem>
    );
  }
  const words = error.code === "payment_declined" ? `${error.message} Nothing is booked yet: pay another way, or try again.` : error.message;
  return <Problem error={new Error(words)} />;
}
