/** A notice as a toast: four seconds, coloured by its level, once. */
import { CircleCheck, CircleX, Info, TriangleAlert } from "lucide-react";
import { useEffect, type FocusEvent, type SyntheticEvent } from "react";
import { toast, Toaster } from "sonner";
import { wasRenewed } from "@/lib/chunks";
import type { Level, Notice } from "@/lib/connection";
import { play } from "./tones";

const ICONS: Record<Level, typeof Info> = { info: Info, success: CircleCheck, warning: TriangleAlert, error: CircleX };
const VIBRATIONS: Record<Level, number[]> = { info: [40], success: [40], warning: [80, 60, 80], error: [160, 80, 160] };

interface Manner {
  vibration: boolean;
  sound: boolean;
  open: (address: string) => void;
}

let stand: () => void;
/** What is shown before the place for it stands would not be seen. */
const standing = new Promise<void>((resolve) => { stand = resolve; });

/** Where toasts appear. */
export function Toasts() {
  useEffect(() => {
    stand();
    if (wasRenewed()) toast.info("ParkMate is newer now, and this page with it.");
  }, []);
  return (
    <div onFocus={wait} onMouseLeave={wait} onBlur={goOn}>
      <Toaster
        duration={4_000}
        position="top-right"
        offset={{ top: "4.25rem" }}
        mobileOffset={{ top: "4.25rem" }}
        theme="system"
        visibleToasts={4}
        expand
        richColors
        closeButton
        containerAriaLabel="Notices"
      />
    </div>
  );
}

/** What went wrong with something that has no place of its own on the page. */
export function showProblem(words: string): void {
  toast.error(words);
}

/** Sonner waits for a mouse that is over its toasts, but not for somebody who reached one with the keyboard. */
function wait({ currentTarget }: SyntheticEvent): void {
  const focused = document.activeElement;
  if (currentTarget.contains(focused)) focused?.dispatchEvent(new MouseEvent("mousemove", { bubbles: true }));
}

function goOn({ target, currentTarget, relatedTarget }: FocusEvent): void {
  if (currentTarget.contains(relatedTarget)) return;
  target.dispatchEvent(new MouseEvent("mouseout", { bubbles: true, relatedTarget: document.body }));
}

/** Shows it in this tab. The same notice again is the same toast. */
export async function showToast(notice: Notice, { vibration, sound, open }: Manner): Promise<void> {
  await standing;
  const Icon = ICONS[notice.type] ?? Info;
  const { booking } = notice;
  const isHere = booking && location.pathname === `/bookings/${String(booking.id)}`;
  const action = booking && !isHere && { label: "Show", onClick: () => { open(`/bookings/${String(booking.id)}`); } };
  (toast[notice.type] ?? toast.info)(notice.message, {
    id: notice.id,
    icon: <Icon aria-hidden className="size-5" data-level={notice.type} />,
    ...(action ? { action } : {}),
  });
  // A page that nobody has touched yet may neither, and the browser would say so in the console.
  if (!navigator.userActivation.hasBeenActive) return;
  if (vibration && "vibrate" in navigator) navigator.vibrate(VIBRATIONS[notice.type] ?? []);
  if (sound) play(notice.type);
}
