/** The way to the inbox, with how many notices in it are unread. */
import { useQuery } from "@tanstack/react-query";
import { Bell as BellIcon } from "lucide-react";
import { NavLink } from "react-router";
import { useLine } from "@/lib/live";
import * as ask from "@/lib/queries";

export function Bell() {
  const { unread: told } = useLine();
  const { data } = useQuery(ask.unread);
  const unread = told ?? data?.unread ?? 0;
  return (
    <NavLink
      to="/inbox"
      aria-label={unread ? `Inbox, ${String(unread)} unread` : "Inbox"}
      className="relative grid size-11 place-content-center rounded-full text-ink hover:bg-sunken aria-[current=page]:text-accent"
    >
      <BellIcon aria-hidden className="size-5" />
      {unread > 0 && (
        <span aria-hidden className="absolute top-1 right-0.5 min-w-4.5 rounded-full bg-bad px-1 text-center text-[0.6875rem]/4.5 font-bold text-page">
          {unread > 99 ? "99+" : unread}
        </span>
      )}
    </NavLink>
  );
}
