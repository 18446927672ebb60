/** The client's addresses, each page's code loaded when it is needed. `parkmate/client.py` knows their first words. */
import { useQuery } from "@tanstack/react-query";
import { Compass } from "lucide-react";
import { lazy, Suspense } from "react";
import { Link, Navigate, Route, Routes, useLocation } from "react-router";
import * as ask from "@/lib/queries";
import { buttonClass } from "@/ui/controls";
import { Empty, Loading, Page, Problem } from "@/ui/layout";
import { Shell } from "./Shell";

const account = () => import("@/features/account/AccountPages");
const SignInPage = lazy(async () => ({ default: (await account()).SignInPage }));
const RegisterPage = lazy(async () => ({ default: (await account()).RegisterPage }));
const LotsPage = lazy(async () => ({ default: (await import("@/features/lots/LotsPage")).LotsPage }));
const LotPage = lazy(async () => ({ default: (await import("@/features/lots/LotPage")).LotPage }));
const BookingsPage = lazy(async () => ({ default: (await import("@/features/bookings/BookingsPage")).BookingsPage }));
const BookingPage = lazy(async () => ({ default: (await import("@/features/bookings/BookingPage")).BookingPage }));
const ReceiptPage = lazy(async () => ({ default: (await import("@/features/bookings/ReceiptPage")).ReceiptPage }));
const InboxPage = lazy(async () => ({ default: (await import("@/features/notices/InboxPage")).InboxPage }));
const PreferencesPage = lazy(async () => ({ default: (await import("@/features/notices/PreferencesPage")).PreferencesPage }));
const DeskPage = lazy(async () => ({ default: (await import("@/features/desk/DeskPage")).DeskPage }));

export function App() {
  const { data, error, refetch } = useQuery(ask.me);
  const { pathname, search, state } = useLocation();
  if (!data) {
    return (
      <div className="mx-auto max-w-md p-6">
        {error ? <Problem error={error} retry={() => void refetch()} /> : <Loading rows={1} />}
      </div>
    );
  }
  const { user } = data;
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
      <Route element={<Shell key={user.id} user={user} />}>
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
