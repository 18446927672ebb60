/** Everything one was told, newest first. */
import { useInfiniteQuery, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { CheckCheck, CircleCheck, CircleX, Inbox, Info, SlidersHorizontal, TriangleAlert } from "lucide-react";
import { Link, useSearchParams } from "react-router";
import { answer, server, type Schemas } from "@/lib/api";
import type { Level } from "@/lib/connection";
import { moment } from "@/lib/format";
import { learnUnread, useServerTime } from "@/lib/live";
import * as ask from "@/lib/queries";
import { Button, buttonClass, Choice, Select } from "@/ui/controls";
import { Asked, Empty, Page, Problem } from "@/ui/layout";
import { inWords } from "./words";

type Summary = Schemas["NoticeSummary"];

const LOOKS = {
  info: [Info, "bg-tint text-accent"],
  success: [CircleCheck, "bg-good-tint text-good"],
  warning: [TriangleAlert, "bg-warn-tint text-warn"],
  error: [CircleX, "bg-bad-tint text-bad"],
} as const;

export function InboxPage() {
  const [search, setSearch] = useSearchParams();
  const only = search.get("show") === "unread";
  const event = search.get("event") ?? "";
  const query = useInfiniteQuery(ask.notices({ ...(only ? { unread: true } : {}), ...(event ? { event } : {}) }));
  const preferences = useQuery(ask.preferences);
  const change = (name: string, value: string) => {
    setSearch((old) => {
      const next = new URLSearchParams(old);
      if (value) next.set(name, value);
      else next.delete(name);
      return next;
    });
  };
  return (
    <Page title="Inbox" actions={<Actions />}>
      <div className="mb-5 flex flex-wrap items-end gap-x-6 gap-y-3">
        <Choice
          label="Show"
          value={only ? "unread" : ""}
          options={[
            { value: "", label: "All" },
            { value: "unread", label: "Unread" },
          ]}
          onChange={(value) => { change("show", value); }}
        />
        <Select label="About" value={event} onChange={(chosen) => { change("event", chosen.target.value); }} className="w-full max-w-xs">
          <option value="">Everything</option>
          {preferences.data?.map((kind) => (
            <option key={kind.event} value={kind.event}>
              {inWords(kind)}
            </option>
          ))}
        </Select>
      </div>
      <Asked query={query}>
        {({ pages }) => <Notices notices={pages.flatMap(({ results }) => results)} filtered={only || event !== ""} onAll={() => { setSearch({}); }} />}
      </Asked>
      {query.hasNextPage && (
        <Button className="mx-auto mt-4 flex" busy={query.isFetchingNextPage} onClick={() => void query.fetchNextPage()}>
          Older
        </Button>
      )}
    </Page>
  );
}

function Actions() {
  const queries = useQueryClient();
  const readAll = useMutation({
    mutationFn: () => answer(server.POST("/api/notifications/read-all/", { body: {} })),
    onSuccess: (count) => {
      learnUnread(count);
      return queries.invalidateQueries({ queryKey: ["notices"] });
    },
  });
  return (
    <>
      <Problem error={readAll.error} />
      <Link to="/preferences" aria-label="Choose what to tell me" className={buttonClass()}>
        <SlidersHorizontal aria-hidden className="size-4" />
        Choose
      </Link>
      <Button busy={readAll.isPending} onClick={() => { readAll.mutate(); }}>
        <CheckCheck aria-hidden className="size-4" />
        Mark all as read
      </Button>
    </>
  );
}

function Notices({ notices, filtered, onAll }: { notices: Summary[]; filtered: boolean; onAll: () => void }) {
  if (!notices.length) {
    return (
      <Empty icon={Inbox} title={filtered ? "Nothing of that kind" : "Nothing yet"}>
        {filtered ? <Button className="mt-1" onClick={onAll}>Show all</Button> : "What happens to your bookings is told here, and at once wherever ParkMate is open."}
      </Empty>
    );
  }
  return (
    <ul className="grid gap-2">
      {notices.map((notice) => (
        <Row key={notice.id} notice={notice} />
      ))}
    </ul>
  );
}

function Row({ notice }: { notice: Summary }) {
  const now = useServerTime();
  const queries = useQueryClient();
  const read = useMutation({
    mutationFn: () => answer(server.POST("/api/notifications/{id}/read/", { params: { path: { id: notice.id } } })),
    onSuccess: () =>
      Promise.all([ask.unread.queryKey, ["notices"]].map((queryKey) => queries.invalidateQueries({ queryKey }))),
  });
  const [Icon, colours] = LOOKS[notice.type as Level] ?? LOOKS.info;
  const booking = (notice.facts as { booking?: { id: number } }).booking;
  const isUnread = notice.read_at === null;
  return (
    <li className={`flex items-start gap-3 rounded-2xl border p-3.5 ${isUnread ? "border-line bg-card" : "border-transparent"}`}>
      <span className={`shrink-0 rounded-full p-2 ${colours}`}>
        <Icon aria-hidden className="size-5" />
      </span>
      <div className="min-w-0 flex-1">
        <p className={` ${isUnread ? "font-semibold" : ""}`}>{notice.message}</p>
        <p className="mt-0.5 text-sm text-soft">
          {moment(notice.created_at, now)}
          {isUnread && " · unread"}
        </p>
        <div className="mt-1 -ml-3 flex flex-wrap *:px-3">
          {booking && (
            <Link to={`/bookings/${String(booking.id)}`} onClick={() => { if (isUnread) read.mutate(); }} className={buttonClass("quiet")}>
              Show booking
            </Link>
          )}
          {isUnread && (
            <Button tone="quiet" busy={read.isPending} onClick={() => { read.mutate(); }}>
              Mark as read
            </Button>
          )}
        </div>
        <Problem error={read.error} />
      </div>
    </li>
  );
}
