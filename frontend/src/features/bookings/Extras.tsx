/** What a booking's driver paid, and the washes that came with it. */
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { answer, server, type Schemas } from "@/lib/api";
import { moment, money } from "@/lib/format";
import { useServerTime } from "@/lib/live";
import * as ask from "@/lib/queries";
import { useWish } from "@/lib/wish";
import { Button, Choice } from "@/ui/controls";
import { Asked, Badge, Card, CardTitle, Problem, Skeleton } from "@/ui/layout";
import { FIRST_PAYMENT, Payment } from "@/ui/Payment";
import { Status } from "@/ui/status";

const METHODS: Record<string, string> = { card: "Card", upi: "UPI", cash: "Cash" };

export function Payments({ booking }: { booking: number }) {
  const now = useServerTime();
  return (
    <Asked query={useQuery(ask.paymentsOf(booking))} loading={<Skeleton className="h-10" />}>
      {({ results }) => (
        <ul className="grid gap-3">
          {results.map((payment) => (
            <li key={payment.id} className="flex flex-wrap items-center gap-x-3 text-sm">
              <span className="flex-1">
                {METHODS[payment.method] ?? payment.method}, {moment(payment.created_at, now)}
                {payment.reference && <span className="block text-xs break-all text-soft">{payment.reference}</span>}
              </span>
              <span className="font-semibold">{money(payment.amount)}</span>
              {payment.refunded_at ? <Badge>Refunded</Badge> : payment.refund_due_at ? <Badge tone="warn">Refund due</Badge> : <Status of={payment.status} />}
            </li>
          ))}
        </ul>
      )}
    </Asked>
  );
}

interface WashesProps {
  booking: Schemas["BookingSummary"];
  own: boolean;
}

export function Washes({ booking, own }: WashesProps) {
  const { data: ordered } = useQuery(ask.washes({ booking: booking.id }));
  const { data: types } = useQuery(ask.washTypes(booking.lot));
  const offered = types?.filter(({ is_offered }) => is_offered) ?? [];
  const orderable = own && offered.length > 0 && (booking.status === "BOOKED" || booking.status === "PENDING");
  if (!orderable && !ordered?.results.length) return null;
  return (
    <Card>
      <CardTitle>Car wash</CardTitle>
      <ul className="grid gap-3">
        {ordered?.results.map((wash) => (
          <Ordered key={wash.id} wash={wash} own={own} />
        ))}
      </ul>
      {orderable && <Order booking={booking.id} offered={offered} />}
    </Card>
  );
}

function Ordered({ wash, own }: { wash: Schemas["WashSummary"]; own: boolean }) {
  const queries = useQueryClient();
  const cancel = useMutation({
    mutationFn: () => answer(server.POST("/api/carwashes/{id}/cancel/", { params: { path: { id: wash.id } } })),
    onSettled: () => queries.invalidateQueries(),
  });
  return (
    <li className="flex flex-wrap items-center gap-3 text-sm">
      <span className="min-w-0 flex-1 break-words">
        {wash.type_name}
        {wash.employee_name && <span className="text-soft">, by {wash.employee_name}</span>}
      </span>
      <span className="font-semibold">{money(wash.price)}</span>
      <Status of={wash.status} />
      {own && wash.status === "REQUESTED" && (
        <Button tone="quiet" busy={cancel.isPending} onClick={() => { cancel.mutate(); }}>
          Cancel
        </Button>
      )}
      <Problem error={cancel.error} />
    </li>
  );
}

function Order({ booking, offered }: { booking: number; offered: Schemas["WashTypeSummary"][] }) {
  const [open, setOpen] = useState(false);
  const [type, setType] = useState(offered[0]?.id ?? 0);
  const [payment, setPayment] = useState(FIRST_PAYMENT);
  const order = useWish(
    (form: { type: number; payment: typeof FIRST_PAYMENT }) => ({ wash_type: form.type, booking, ...form.payment }),
    (body, key) => answer(server.POST("/api/carwashes/", { body, params: { header: { "Idempotency-Key": key } } })),
    () => { setOpen(false); },
  );
  if (!open) return <Button className="mt-3" onClick={() => { setOpen(true); }}>Order a wash</Button>;
  return (
    <div className="mt-4 grid gap-4">
      <Choice label="Which" value={type} options={offered.map(({ id, name, price }) => ({ value: id, label: `${name}, ${money(price)}` }))} onChange={setType} />
      <Payment value={payment} onChange={setPayment} />
      <Problem error={order.error} />
      <div className="flex gap-2">
        <Button tone="main" busy={order.isPending} onClick={() => { order.mutate({ type, payment }); }}>
          Order and pay
        </Button>
        <Button onClick={() => { setOpen(false); }}>Not now</Button>
      </div>
    </div>
  );
}
