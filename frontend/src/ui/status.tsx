/** The states of bookings, payments and washes, in words and colours. */
import { Badge, type Tone } from "./layout";

const WORDS: Record<string, readonly [Tone, string]> = {
  PENDING: ["warn", "Pending"],
  BOOKED: ["good", "Booked"],
  EXPIRED: ["bad", "Expired"],
  COMPLETED: ["calm", "Completed"],
  CANCELLED: ["calm", "Cancelled"],
  CANCELLED_BY_ADMIN: ["bad", "Declined"],
  PAID: ["good", "Paid"],
  VERIFIED: ["good", "Verified"],
  FAILED: ["bad", "Not paid"],
  REQUESTED: ["warn", "Requested"],
  IN_PROGRESS: ["accent", "In progress"],
};

export function Status({ of }: { of: string }) {
  const [tone, words] = WORDS[of] ?? ["calm", of];
  return <Badge tone={tone}>{words}</Badge>;
}

export const PAYMENT_METHODS: Record<string, string> = { card: "Card", upi: "UPI", cash: "Cash" };

interface Paid {
  readonly status: string;
  readonly method: string;
  readonly refund_due_at: string | null;
  readonly refunded_at: string | null;
}

/** What became of a payment: its refund says more than that it was paid. */
export function PaymentStatus({ of }: { of: Paid }) {
  if (of.refunded_at) return <Badge>Refunded</Badge>;
  if (of.refund_due_at) return <Badge tone="warn">{of.method === "cash" ? "Cash to be handed back" : "Refund on its way"}</Badge>;
  if (of.status === "PENDING") return <Badge tone="warn">{of.method === "cash" ? "Cash to come" : "Being taken"}</Badge>;
  return <Status of={of.status} />;
}
