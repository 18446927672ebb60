/** A lot: its slots as a picture, and how to book one. */
import { useQuery } from "@tanstack/react-query";
import { ArrowDown, CircleParking } from "lucide-react";
import { useEffect, useRef, useState, type RefObject } from "react";
import { Link, useParams, useSearchParams } from "react-router";
import type { Schemas } from "@/lib/api";
import { money } from "@/lib/format";
import { useFollow } from "@/lib/live";
import * as ask from "@/lib/queries";
import { Button, buttonClass } from "@/ui/controls";
import { Asked, Badge, Card, CardTitle, Empty, Loading, Page, Problem } from "@/ui/layout";
import { BookForm } from "./BookForm";
import { SlotMap } from "./SlotMap";

type LotWithSlots = Schemas["LotWithSlots"];

export function LotPage({ user }: { user: Schemas["Account"] }) {
  const id = Number(useParams()["id"]);
  const query = useQuery(ask.lot(id));
  useFollow(id ? [`lot:${String(id)}`] : []);
  if (query.error && !query.data) {
    return (
      <Page title="Lot">
        <Problem error={query.error} retry={() => void query.refetch()}>
          <Link to="/lots" className={buttonClass("quiet")}>All lots</Link>
        </Problem>
      </Page>
    );
  }
  return (
    <Asked query={query} loading={<Page title="Lot"><Loading className="h-48" /></Page>}>
      {(lot) => <Lot key={lot.id} lot={lot} user={user} />}
    </Asked>
  );
}

function Lot({ lot, user }: { lot: LotWithSlots; user: Schemas["Account"] }) {
  return (
    <Page
      title={lot.name}
      lead={lot.address}
      actions={
        <>
          <Badge tone={lot.free_now ? "good" : "bad"}>{lot.free_now} of {lot.slot_count} free</Badge>
          {lot.hourly_rate_from !== null && <Badge>from {money(lot.hourly_rate_from)} an hour</Badge>}
        </>
      }
    >
      {lot.slots.length ? (
        <Slots lot={lot} user={user} />
      ) : (
        <Empty icon={CircleParking} title="This lot has no slots yet">
          <Link to="/lots" className={`${buttonClass("main")} mt-2`}>Choose another lot</Link>
        </Empty>
      )}
    </Page>
  );
}

function Slots({ lot, user }: { lot: LotWithSlots; user: Schemas["Account"] }) {
  const [search, setSearch] = useSearchParams();
  const form = useRef<HTMLDivElement>(null);
  const chosen = lot.slots.find(({ id }) => String(id) === search.get("slot")) ?? null;
  const drives = user.role === "driver";
  return (
    <div className="grid items-start gap-5 lg:grid-cols-[1fr_24rem]">
      <Card>
        <CardTitle>Choose a slot</CardTitle>
        <SlotMap slots={lot.slots} chosen={chosen?.id ?? null} onChoose={(id) => { setSearch({ slot: String(id) }, { replace: true, preventScrollReset: true }); }} />
      </Card>
      <div ref={form} tabIndex={-1} className="scroll-mt-20 rounded-2xl lg:sticky lg:top-20">
        {drives ? (
          <BookForm lot={lot} slot={chosen} />
        ) : (
          <Card>
            <p className="text-sm text-soft">Drivers book slots; you are signed in as an owner.</p>
            <Link to="/desk/lots" className={`${buttonClass()} mt-3`}>To your lots</Link>
          </Card>
        )}
      </div>
      {drives && chosen && <Onward slot={chosen} form={form} />}
    </div>
  );
}

/** On a phone the form is below the picture: what was chosen, and the way to it. */
function Onward({ slot, form }: { slot: Schemas["SlotWithFreedom"]; form: RefObject<HTMLDivElement | null> }) {
  const [inView, setInView] = useState(true);
  useEffect(() => {
    if (!form.current) return;
    const watcher = new IntersectionObserver(([seen]) => { setInView(seen?.isIntersecting ?? false); }, { rootMargin: "0px 0px -30% 0px" });
    watcher.observe(form.current);
    return () => { watcher.disconnect(); };
  }, [form]);
  if (inView) return null;
  const go = () => {
    form.current?.focus({ preventScroll: true });
    form.current?.scrollIntoView({ behavior: "smooth" });
  };
  return (
    <div className="fixed inset-x-3 bottom-[calc(4.25rem+env(safe-area-inset-bottom))] z-10 flex items-center justify-between gap-3 rounded-2xl border border-line bg-card py-2 pr-2 pl-4 shadow-xl sm:bottom-4 lg:hidden">
      <p className="text-sm">
        <span className="font-semibold">Slot {slot.number}</span>
        <span className="text-soft"> · {money(slot.hourly_rate)} an hour</span>
      </p>
      <Button tone="main" onClick={go}>
        Continue
        <ArrowDown aria-hidden className="size-4" />
      </Button>
    </div>
  );
}
