/** The owner's desk: a room for each thing to look after. */
import { Suspense } from "react";
import { NavLink, useParams } from "react-router";
import { later } from "@/lib/chunks";
import { useFollow } from "@/lib/live";
import { Loading, Page } from "@/ui/layout";

const Today = later(async () => (await import("./Today")).Today);
const Bookings = later(async () => (await import("./Bookings")).Bookings);
const Washes = later(async () => (await import("./Washes")).Washes);
const Lots = later(async () => (await import("./Lots")).Lots);
const People = later(async () => (await import("./People")).People);

const ROOMS = [
  ["", "Today", Today],
  ["bookings", "Bookings", Bookings],
  ["washes", "Car washes", Washes],
  ["lots", "Lots and slots", Lots],
  ["people", "Employees", People],
] as const;

export function DeskPage() {
  const { room = "" } = useParams();
  useFollow(["desk"]);
  const [, words, Room] = ROOMS.find(([path]) => path === room) ?? ROOMS[0];
  return (
    <Page title={words}>
      <nav aria-label="The desk" className="-mx-4 mb-6 flex gap-1 overflow-x-auto px-4 pb-1">
        {ROOMS.map(([path, name]) => (
          <NavLink
            key={path}
            end
            to={path ? `/desk/${path}` : "/desk"}
            className="rounded-full border border-line px-4 py-2 text-sm font-medium whitespace-nowrap text-soft hover:bg-sunken aria-[current=page]:border-accent aria-[current=page]:bg-tint aria-[current=page]:text-accent"
          >
            {name}
          </NavLink>
        ))}
      </nav>
      <Suspense fallback={<Loading />}>
        <Room />
      </Suspense>
    </Page>
  );
}
