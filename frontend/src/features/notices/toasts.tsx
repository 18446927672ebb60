/** A notice as a toast: four seconds, coloured by its level, once. */
import { CircleCheck, CircleX, Info, TriangleAlert } from "lucide-react";
import { toast } from "sonner";
import type { Level, Notice } from "@/lib/connection";

const ICONS: Record<Level, typeof Info> = { info: Info, success: CircleCheck, warning: TriangleAlert, error: CircleX };
const VIBRATIONS: Record<Level, number[]> = { info: [40], success: [40], warning: [80, 60, 80], error: [160, 80, 160] };

/** Shows it in this tab. The same notice again is the same toast. */
export function showToast(notice: Notice, { vibrate, open }: { vibrate: boolean; open: (address: string) => void }): void {
  const Icon = ICONS[notice.type] ?? Info;
  const { booking } = notice;
  const action = booking && { label: "Show", onClick: () => { open(`/bookings/${String(booking.id)}`); } };
  (toast[notice.type] ?? toast.info)(notice.message, {
    id: notice.id,
    icon: <Icon aria-hidden className="size-5" data-level={notice.type} />,
    ...(action ? { action } : {}),
  });
  // A page that nobody has touched yet may not, and the browser would say so in the console.
  const may = "vibrate" in navigator && navigator.userActivation.hasBeenActive;
  if (vibrate && may) navigator.vibrate(VIBRATIONS[notice.type] ?? []);
}
