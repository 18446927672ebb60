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
