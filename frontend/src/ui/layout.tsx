/** Pages, cards and what stands where there is nothing yet, nothing at all, or something went wrong. */
import { TriangleAlert, type LucideIcon } from "lucide-react";
import { useEffect, useRef, type ReactNode, type RefObject } from "react";
import { useLocation } from "react-router";
import { Button } from "./controls";

interface PageProps {
  title: string;
  lead?: ReactNode;
  actions?: ReactNode;
  children: ReactNode;
}

export function Page({ title, lead, actions, children }: PageProps) {
  const heading = useRef<HTMLHeadingElement>(null);
  useTitle(title);
  useArrival(heading);
  return (
    <main id="main" className="mx-auto w-full max-w-5xl px-4 pt-6 pb-28 sm:px-6 sm:pb-12 print:p-0">
      <div className="mb-6 flex flex-wrap items-center justify-between gap-x-6 gap-y-3">
        <div className="min-w-0">
          <h1 ref={heading} tabIndex={-1} className="rounded-md text-2xl font-bold tracking-tight sm:text-3xl">
            {title}
          </h1>
          {lead && <div className="mt-1 text-soft">{lead}</div>}
        </div>
        {actions && <div className="flex flex-wrap gap-2">{actions}</div>}
      </div>
      {children}
    </main>
  );
}

/** What the browser's tab says. */
export function useTitle(title: string): void {
  useEffect(() => {
    document.title = `${title} · ParkMate`;
  }, [title]);
}

/**
 * After a way within the client, keyboards and screen readers begin at the new page's heading. The first
 * page begins where the browser puts it, and another question in the same address is no new page.
 */
export function useArrival(heading: RefObject<HTMLElement | null>): void {
  const { pathname, key } = useLocation();
  const arrivedAt = useRef<string | null>(null);
  useEffect(() => {
    if (key !== "default" && arrivedAt.current !== pathname) heading.current?.focus({ preventScroll: true });
    arrivedAt.current = pathname;
  }, [pathname, key, heading]);
}

/** Where the keyboard goes on when what had its focus is gone. */
export function focusHeading(): void {
  document.querySelector<HTMLElement>("#main h1")?.focus();
}

export function Card({ className = "", children }: { className?: string; children: ReactNode }) {
  return <section className={`rounded-2xl border border-line bg-card p-4 sm:p-5 ${className}`}>{children}</section>;
}

export function CardTitle({ children, aside }: { children: ReactNode; aside?: ReactNode }) {
  return (
    <div className="mb-3 flex flex-wrap items-center justify-between gap-2">
      <h2 className="text-base font-semibold">{children}</h2>
      {aside}
    </div>
  );
}

const BADGES = {
  good: "bg-good-tint text-good",
  warn: "bg-warn-tint text-warn",
  bad: "bg-bad-tint text-bad",
  calm: "bg-sunken text-soft",
  accent: "bg-tint text-accent",
};

export type Tone = keyof typeof BADGES;

export function Badge({ tone = "calm", children }: { tone?: Tone; children: ReactNode }) {
  return (
    <span className={`inline-flex items-center gap-1 rounded-full px-2.5 py-0.5 text-xs font-semibold whitespace-nowrap ${BADGES[tone]}`}>
      {children}
    </span>
  );
}

interface EmptyProps {
  icon: LucideIcon;
  title: string;
  children?: ReactNode;
}

/** Nothing is here; says what to do about it. */
export function Empty({ icon: Icon, title, children }: EmptyProps) {
  return (
    <div className="flex flex-col items-center gap-3 rounded-2xl border border-dashed border-line px-6 py-12 text-center">
      <span className="rounded-full bg-tint p-3 text-accent">
        <Icon aria-hidden className="size-6" />
      </span>
      <p className="font-semibold">{title}</p>
      {children && <div className="max-w-sm text-sm text-soft">{children}</div>}
    </div>
  );
}

export function Skeleton({ className = "h-24" }: { className?: string }) {
  return <div aria-hidden className={`animate-pulse rounded-2xl bg-sunken ${className}`} />;
}

export function Loading({ rows = 3, className = "h-24" }: { rows?: number; className?: string }) {
  return (
    <div role="status" className="grid gap-3">
      <span className="sr-only">Loading …</span>
      {Array.from({ length: rows }, (_, row) => (
        <Skeleton key={row} className={className} />
      ))}
    </div>
  );
}

interface ProblemProps {
  error: Error | null;
  retry?: (() => void) | undefined;
  /** Another way on. */
  children?: ReactNode;
}

/** What went wrong, in the server's words, and a way on. */
export function Problem({ error, retry, children }: ProblemProps) {
  if (!error) return null;
  return (
    <div role="alert" className="flex flex-wrap items-center gap-x-3 gap-y-2 rounded-xl bg-bad-tint px-4 py-3 text-sm text-bad">
      <TriangleAlert aria-hidden className="size-5 shrink-0" />
      <p className="min-w-0 flex-1 basis-48">{error.message}</p>
      {retry && (
        <Button tone="quiet" onClick={retry}>
          Try again
        </Button>
      )}
      {children}
    </div>
  );
}

interface AskedProps<T> {
  query: { data: T | undefined; error: Error | null; refetch: () => unknown };
  loading?: ReactNode;
  children: (data: T) => ReactNode;
}

/** What was asked of the server: not here yet, refused, or here. Old data is better than none. */
export function Asked<T>({ query, loading = <Loading />, children }: AskedProps<T>) {
  if (query.data !== undefined) return <>{children(query.data)}</>;
  if (query.error) return <Problem error={query.error} retry={() => void query.refetch()} />;
  return <>{loading}</>;
}
