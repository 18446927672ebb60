/** The client's addresses, each page's code loaded when it is needed. `parkmate/client.py` knows their first words. */
import { useQuery } from "@tanstack/react-query";
import { Compass } from "lucide-react";
import { Suspense, useEffect } from "react";
import { Link, Navigate, Route, Routes, useLocation } from "react-router";
import { Refusal, type Schemas } from "@/lib/api";
import { later } from "@/lib/chunks";
import { recall, rememberPerson } from "@/lib/memory";
import * as ask from "@/lib/queries";
import { buttonClass } from "@/ui/controls";
import { Empty, Loading, Page, Problem } from "@/ui/layout";
import { Shell } from "./Shell";

const account = () => import("@/features/account/AccountPages");
const lots = () => import("@/features/lots/LotsPage");
const lot = () => import("@/features/lots/LotPage");
const bookings = () => import("@/features/bookings/BookingsPage");
const booking = () => import("@/features/bookings/BookingPage");
const receipt = () => import("@/features/bookings/ReceiptPage");
const inbox = () => import("@/features/notices/InboxPage");
const preferences = () => import("@/features/notices/PreferencesPage");
const desk = () => import("@/features/desk/DeskPage");

const SignInPage = later(async () => (await account()).SignInPage);
const RegisterPage = later(async () => (await account()).RegisterPage);
const LotsPage = later(async () => (await lots()).LotsPage);
const LotPage = later(async () => (await lot()).LotPage);
const BookingsPage = later(async () => (await bookings()).BookingsPage);
const BookingPage = later(async () => (await booking()).BookingPage);
const ReceiptPage = later(async () => (await receipt()).ReceiptPage);
const InboxPage = later(async () => (await inbox()).InboxPage);
const PreferencesPage = later(async () => (await preferences()).PreferencesPage);
const DeskPage = later(async () => (await desk()).DeskPage);

const ROOMS: Record<string, () => Promise<unknown>> = { lots, bookings, inbox, preferences, desk, "sign-in": account, register: account };
const ITEMS: Record<string, () => Promise<unknown>> = { lots: lot, bookings: booking };

/** The code of the page that one comes to, while the server is still asked who is here. */
export function beginToLoad(pathname: string): void {
  const [, room = "", item] = pathname.split("/");
  const load = item ? ITEMS[room] : ROOMS[room || "lots"];
  // A failure is told where the page is drawn.
  load?.().catch(() => undefined);
}

export function App() {
  const { data, error, failureReason, refetch } = useQuery(ask.me);
  const { pathname, search, state } = useLocation();
  useEffect(() => {
    if (data) rememberPerson(data.user);
  }, [data]);
  const here = data ?? (failureReason instanceof Refusal && failureReason.undecided ? lastHere() : null);
  if (!here) {
    return (
      <div className="mx-auto max-w-md p-6">
        {error ? <Problem error={error} retry={() => void refetch()} /> : <Loading rows={1} />}
      </div>
    );
  }
  const { user } = here;
  if (!user) {
    return (
      <Suspense>
        <Routes>
          <Route path="/sign-in" element={<SignInPage />} />
          <Route path="/register" element={<RegisterPage />} />
          <Route path="*" element={<Navigate to="/sign-in" replace state={{ from: pathname + search }} />} />
        </Routes>
      </Suspense>
    );
  }
  const home = user.role === "owner" || user.is_staff ? "/desk" : "/lots";
  const back = (state as { from?: string } | null)?.from ?? home;
  return (
    <Routes>
      <Route element={<Shell key={user.id} user={user} answered={Boolean(data)} />}>
        <Route index element={<Navigate to={home} replace />} />
        <Route path="/sign-in" element={<Navigate to={back} replace />} />
        <Route path="/register" element={<Navigate to={back} replace />} />
        <Route path="/lots" element={<LotsPage />} />
        <Route path="/lots/:id" element={<LotPage user={user} />} />
        <Route path="/bookings" element={<BookingsPage user={user} />} />
        <Route path="/bookings/:id" element={<BookingPage user={user} />} />
        <Route path="/bookings/:id/receipt" element={<ReceiptPage />} />
        <Route path="/inbox" element={<InboxPage />} />
        <Route path="/preferences" element={<PreferencesPage />} />
        {home === "/desk" && <Route path="/desk/:room?" element={<DeskPage />} />}
        <Route path="*" element={<Nowhere />} />
      </Route>
    </Routes>
  );
}

/** While the server cannot say who is here: whoever was, the last time. */
function lastHere(): { user: Schemas["Account"] } | null {
  const known = recall();
  return known && { user: known.person };
}

function Nowhere() {
  return (
    <Page title="There is nothing here">
      <Empty icon={Compass} title="No page has this address">
        <Link to="/" className={buttonClass("main")}>
          To the start
        </Link>
      </Empty>
    </Page>
  );
}
