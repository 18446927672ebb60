/** A quiet word while the server knows that its clock, or the way from it to here, is not in order. */
import { useQuery } from "@tanstack/react-query";
import { Clock } from "lucide-react";
import { useFollow } from "@/lib/live";
import * as ask from "@/lib/queries";

const TOPICS = ["health"];

export function MaybeLate() {
  useFollow(TOPICS);
  const { data: punctual } = useQuery(ask.punctual);
  return (
    <div role="status" className="print:hidden">
      {punctual === false && (
        <p className="mx-auto flex max-w-5xl items-center gap-2 px-4 pt-4 text-sm text-warn sm:px-6">
          <Clock aria-hidden className="size-4 shrink-0" />
          <span>
            <strong>Notices may be late.</strong> ParkMate has noticed a fault. No notice is lost: each comes as soon as it can.
          </span>
        </p>
      )}
    </div>
  );
}
