/** What a booking's driver paid, and what became of it. */
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { ReceiptText } from "lucide-react";
import { Link } from "react-router";
import { answer, server, type Schemas } from "@/lib/api";
import { moment, money } from "@/lib/format";
import { useServerTime } from "@/lib/live";
import * as ask from "@/lib/queries";
import { Confirm } from "@/ui/Confirm";
import { buttonClass } from "@/ui/controls";
import { Asked, focusHeading, Problem, Skeleton } from "@/ui/layout";
import { PaymentStatus, PAYMENT_METHODS } from "@/ui/status";

type Payment = Schemas["PaymentSummary"];

interface PaymentsProps {
  booking: Schemas["BookingSummary"];
  own: boolean;
}

export function Payments({ booking, own }: PaymentsProps) {
  return (
    <Asked query={useQuery(ask.paymentsOf({ booking: booking.id }))} loading={<Skeleton className="h-10" />}>
      {({ results }) => (
        <>
          <ul className="grid gap-3">
            {results.map((payment) => (
              <Row key={payment.id} payment={payment} own={own} />
            ))}
          </ul>
          {results.some(({ status }) => status === "PAID" || status === "VERIFIED") && (
            <Link to={`/bookings/${String(booking.id)}/receipt`} className={`${buttonClass("quiet")} mt-2 -ml-4`}>
              <ReceiptText aria-hidden className="size-4" />
              Receipt
            </Link>
          )}
        </>
      )}
    </Asked>
  );
}

function Row({ payment, own }: { payment: Payment; own: boolean }) {
  const now = useServerTime();
  const due = payment.method === "cash" && payment.status === "PENDING";
  return (
    <li className="grid gap-2 text-sm">
      <div className="flex flex-wrap items-center gap-x-3 gap-y-1">
        <span className="min-w-0 flex-1 basis-40">
          {PAYMENT_METHODS[payment.method]}, {moment(payment.created_at, now)}
          {payment.reference && <span className="block text-xs text-soft">{payment.reference}</span>}
        </span>
        <span className="font-semibold tabular-nums">{money(payment.amount)}</span>
        <PaymentStatus of={payment} />
      </div>
      {payment.status === "FAILED" && payment.method !== "cash" && (
        <p className="text-soft">The provider did not take this money after all. {own ? "Settle it at the lot." : "Settle it with the driver."}</p>
      )}
      {due && own && <p className="text-soft">Pay it at the lot: the booking is confirmed when its owner has the cash.</p>}
      {due && !own && <Verify payment={payment} />}
    </li>
  );
}

function Verify({ payment }: { payment: Payment }) {
  const queries = useQueryClient();
  const verify = useMutation({
    mutationFn: () => answer(server.POST("/api/owner/payments/{id}/verify/", { params: { path: { id: payment.id } } })),
    onSuccess: focusHeading,
    onSettled: () => queries.invalidateQueries(),
  });
  return (
    <div className="grid justify-items-start gap-2">
      <Confirm trigger="Verify cash" tone="main" title={`Have you got ${money(payment.amount)} in cash?`} yes="Yes, I have it" no="Not yet" busy={verify.isPending} onYes={() => { verify.mutate(); }}>
        The booking is confirmed, and {payment.driver_name} is told. This cannot be undone.
      </Confirm>
      <Problem error={verify.error} />
    </div>
  );
}
