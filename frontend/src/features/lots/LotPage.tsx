/** A lot: its slots as a picture, and how to book one. */
import { useQuery } from "@tanstack/react-query";
import { CircleParking } from "lucide-react";
import { useParams, useSearchParams } from "react-router";
import type { Schemas } from "@/lib/api";
import { money } from "@/lib/format";
import { useFollow } from "@/lib/live";
import * as ask from "@/lib/queries";
import { Asked, Badge, Card, CardTitle, Empty, Loading, Page } from "@/ui/layout";
import { BookForm } from "./BookForm";
import { SlotMap } from "./SlotMap";

export function LotPage({ user }: { user: Schemas["Account"] }) {
  const id = Number(useParams()["id"]);
  const query = useQuery(ask.lot(id));
  useFollow(id ? [`lot:${String(id)}`] : []);
  return (
    <Asked query={query} loading={<Page title="Lot"><Loading className="h-48" /></Page>}>
      {(lot) => <Lot lot={lot} user={user} />}
    </Asked>
  );
}

function Lot({ lot, user }: { lot: Schemas["LotWithSlots"]; user: Schemas["Account"] }) {
  const [search, setSearch] = useSearchParams();
  const chosen = lot.slots.find(({ id }) => String(id) === search.get("slot"));
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
      {lot.slots.length === 0 ? (
        <Empty icon={CircleParking} title="This lot has no slots yet">Come back later, or choose another lot.</Empty>
      ) : (
        <div className="grid items-start gap-5 lg:grid-cols-[1fr_24rem]">
          <Card>
            <CardTitle>Choose a slot</CardTitle>
            <SlotMap slots={lot.slots} chosen={chosen?.id ?? null} onChoose={(id) => { setSearch({ slot: String(id) }, { replace: true, preventScrollReset: true }); }} />
          </Card>
          {user.role === "driver" ? (
            <BookForm slot={chosen ?? null} />
          ) : (
            <Card>
              <p className="text-sm text-soft">Drivers book slots; you are signed in as an owner.</p>
            </Card>
          )}
        </div>
      )}
    </Page>
  );
}
