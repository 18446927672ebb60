/** What stands around every page of somebody who is signed in. */
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { CircleParking, LayoutDashboard, LogOut, MapPin, ShieldCheck, Ticket, type LucideIcon } from "lucide-react";
import { Suspense, useEffect } from "react";
import { Link, NavLink, Outlet, useLocation, useNavigate, useNavigationType } from "react-router";
import { Bell } from "@/features/notices/Bell";
import { ConnectionLight } from "@/features/notices/ConnectionLight";
import { MaybeLate } from "@/features/notices/MaybeLate";
import { answer, server, type Schemas } from "@/lib/api";
import { later } from "@/lib/chunks";
import { forgetDrafts } from "@/lib/draft";
import { useLine } from "@/lib/live";
import { forget } from "@/lib/memory";
import * as ask from "@/lib/queries";
import { Loading } from "@/ui/layout";
import { Boundary } from "./Boundary";
import { toasts, useNotices } from "./useNotices";

const Toasts = later(async () => (await toasts()).Toasts);
const LastKnown = later(async () => (await import("@/features/bookings/LastKnown")).LastKnown);

const FIND = ["/lots", MapPin, "Find"] as const;
const BOOKINGS = ["/bookings", Ticket, "Bookings"] as const;
const DESK = ["/desk", LayoutDashboard, "Desk"] as const;

interface ShellProps {
  user: Schemas["Account"];
  /** Whether the server has said who is here: without its answer, this is whom the device remembers. */
  answered: boolean;
}

export function Shell({ user, answered }: ShellProps) {
  const { pathname } = useLocation();
  useNotices(user.id);
  useAnswer(answered);
  useBeginning();
  const places = placesOf(user);
  return (
    <>
      <a href="#main" className="sr-only focus:not-sr-only focus:absolute focus:z-50 focus:m-2 focus:rounded-xl focus:bg-card focus:p-3">
        To the content
      </a>
      <header className="sticky top-0 z-20 border-b border-line bg-card/95 backdrop-blur print:hidden">
        <div className="mx-auto flex h-14 max-w-5xl items-center gap-2 px-4 sm:px-6">
          <Link to="/" className="flex items-center gap-2 font-bold tracking-tight">
            <CircleParking aria-hidden className="size-7 text-accent" />
            ParkMate
          </Link>
          <nav aria-label="Places" className="ml-6 hidden gap-1 sm:flex">
            {places.map(([to, , words]) => (
              <NavLink key={to} to={to} className="rounded-lg px-3 py-2 text-sm font-medium text-soft hover:bg-sunken aria-[current=page]:text-accent">
                {words}
              </NavLink>
            ))}
            {user.is_staff && (
              <a href="/admin/" className="rounded-lg px-3 py-2 text-sm font-medium text-soft hover:bg-sunken">
                Admin
              </a>
            )}
          </nav>
          <span className="flex-1" />
          <ConnectionLight />
          <Bell />
          <SignOut name={user.username} />
        </div>
      </header>
      <MaybeLate />
      <Boundary at={pathname}>
        <Suspense fallback={<Waiting />}>
          {!answered && <LastKnown />}
          <Outlet />
        </Suspense>
      </Boundary>
      <nav aria-label="Places, below" className="fixed inset-x-0 bottom-0 z-20 flex border-t border-line bg-card/95 pb-[env(safe-area-inset-bottom)] backdrop-blur sm:hidden print:hidden">
        {places.map(([to, Icon, words]) => (
          <Place key={to} to={to} icon={Icon} words={words} />
        ))}
        {user.is_staff && (
          <a href="/admin/" className={PLACE}>
            <ShieldCheck aria-hidden className="size-5" />
            Admin
          </a>
        )}
      </nav>
      <Suspense>
        <Toasts />
      </Suspense>
    </>
  );
}

/** Who is here is asked again as soon as there is a line. */
function useAnswer(answered: boolean): void {
  const queries = useQueryClient();
  const live = useLine().state.name === "live";
  useEffect(() => {
    if (live && !answered) void queries.invalidateQueries({ queryKey: ask.me.queryKey });
  }, [live, answered, queries]);
}

/** An owner's bookings are at the desk; staff see everybody's, and may drive as well. */
function placesOf({ role, is_staff }: Schemas["Account"]) {
  if (is_staff) return [DESK, FIND, BOOKINGS];
  return role === "owner" ? [DESK, FIND] : [FIND, BOOKINGS];
}

/** A new page begins at its top; the way back leads to where one was. */
function useBeginning(): void {
  const { pathname } = useLocation();
  const way = useNavigationType();
  useEffect(() => {
    if (way !== "POP") window.scrollTo(0, 0);
  }, [pathname, way]);
}

const PLACE = "grid min-h-14 flex-1 content-center justify-items-center gap-0.5 text-xs font-medium text-soft aria-[current=page]:text-accent";

function Place({ to, icon: Icon, words }: { to: string; icon: LucideIcon; words: string }) {
  return (
    <NavLink to={to} className={PLACE}>
      <Icon aria-hidden className="size-5" />
      {words}
    </NavLink>
  );
}

function SignOut({ name }: { name: string }) {
  const queries = useQueryClient();
  const navigate = useNavigate();
  const leave = useMutation({
    mutationFn: () => answer(server.POST("/api/auth/logout/", {})),
    onSuccess: () => {
      // Whoever signs in next begins at their own start.
      void navigate("/", { replace: true });
      // At once: what is drawn until the server has said so would ask for what nobody may see any more.
      queries.setQueryData(ask.me.queryKey, (who) => who && { ...who, user: null });
      queries.removeQueries({ predicate: ({ queryKey }) => queryKey[0] !== "me" });
    },
    onError: ({ message }) => void toasts().then(({ showProblem }) => { showProblem(`You are still signed in. ${message}`); }),
    onSettled: () => {
      forget();
      forgetDrafts();
      return queries.invalidateQueries({ queryKey: ["me"] });
    },
  });
  return (
    <button
      type="button"
      title={`Sign out ${name}`}
      aria-label={`Sign out ${name}`}
      disabled={leave.isPending}
      onClick={() => { leave.mutate(); }}
      className="grid size-11 place-content-center rounded-full hover:bg-sunken"
    >
      <LogOut aria-hidden className="size-5" />
    </button>
  );
}

function Waiting() {
  return (
    <div className="mx-auto max-w-5xl px-4 py-6 sm:px-6">
      <Loading />
    </div>
  );
}
