/** Amounts, times and durations in the reader's own language and zone. */

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** What amounts are in, as the server's page says it: an ISO code. Empty where it does not say. */
export const CURRENCY = globalThis.document?.querySelector<HTMLMetaElement>('meta[name="currency"]')?.content ?? "";
const MONEY = once(() =>
  CURRENCY
    ? new Intl.NumberFormat(undefined, { style: "currency", currency: CURRENCY })
    : new Intl.NumberFormat(undefined, { minimumFractionDigits: 2 }),
);
const TIME = times({ hour: "numeric", minute: "2-digit" });
const EXACT_TIME = times({ hour: "numeric", minute: "2-digit", second: "2-digit" });
const MOMENT = times({ weekday: "short", day: "numeric", month: "short", hour: "numeric", minute: "2-digit" });
const EXACT = times({ day: "numeric", month: "short", hour: "numeric", minute: "2-digit", second: "2-digit" });
const WEEKDAY = times({ weekday: "short" });
const FULL = times({ dateStyle: "medium", timeStyle: "short" });

export const money = (amount: string | number) => MONEY().format(Number(amount));

/** The time, and the day unless it is today. */
export function moment(at: string | number, now: number): string {
  const sameDay = new Date(at).toDateString() === new Date(now).toDateString();
  return (sameDay ? TIME : MOMENT)().format(new Date(at));
}

/** To the second, and the day unless it is today. */
export function exactMoment(at: string | number, now: number): string {
  const sameDay = new Date(at).toDateString() === new Date(now).toDateString();
  return (sameDay ? EXACT_TIME : EXACT)().format(new Date(at));
}

/** The time without its spaces, or the weekday's name: for where there is little room. */
export function shortMoment(at: string | number, now: number): string {
  const sameDay = new Date(at).toDateString() === new Date(now).toDateString();
  return sameDay ? TIME().format(new Date(at)).replace(/\s/gu, "") : WEEKDAY().format(new Date(at));
}

/** A period, its day said once. */
export function period(from: string | number, to: string | number, now: number): string {
  const oneDay = new Date(from).toDateString() === new Date(to).toDateString();
  return `${moment(from, now)} – ${oneDay ? TIME().format(new Date(to)) : moment(to, now)}`;
}

/** With its day and year, for what is kept. */
export const fullMoment = (at: string | number) => FULL().format(new Date(at));

/** What a `datetime-local` field shows for this moment, in the reader's zone. */
export function asLocalField(at: number): string {
  const date = new Date(at);
  return new Date(at - date.getTimezoneOffset() * MINUTE).toISOString().slice(0, 16);
}

/** As on a stop watch: `4:59`, `1:04:59`, `2 d 03:04:59`. */
export function countdown(milliseconds: number): string {
  const seconds = Math.max(0, Math.ceil(milliseconds / 1_000));
  const two = (value: number) => String(value).padStart(2, "0");
  const [days, hours, minutes] = [Math.floor(seconds / 86_400), Math.floor(seconds / 3_600) % 24, Math.floor(seconds / 60) % 60];
  const tail = `${two(minutes)}:${two(seconds % 60)}`;
  if (days) return `${String(days)} d ${two(hours)}:${tail}`;
  return hours ? `${String(hours)}:${tail}` : `${String(minutes)}:${two(seconds % 60)}`;
}

/** In words, rounded to what matters: `45 min`, `2 h 30 min`, `3 days`. */
export function duration(milliseconds: number): string {
  const minutes = Math.max(1, Math.round(milliseconds / MINUTE));
  if (minutes < 60) return `${String(minutes)} min`;
  if (milliseconds >= 2 * DAY) return `${String(Math.round(milliseconds / DAY))} days`;
  const rest = minutes % 60;
  return `${String(Math.floor(minutes / 60))} h${rest ? ` ${String(rest)} min` : ""}`;
}

/** What a stay will cost: the hourly rate per started minute, halves up. The server's price is the truth. */
export function estimate(hourlyRate: string, milliseconds: number): number {
  const minutes = Math.ceil(milliseconds / MINUTE);
  const cents = Math.round(Number(hourlyRate) * 100);
  return Math.floor((cents * minutes + 30) / 60) / 100;
}

/** Each takes milliseconds to make on a phone: only when it is used. */
function once<T>(make: () => T): () => T {
  let made: T | undefined;
  return () => (made ??= make());
}

function times(options: Intl.DateTimeFormatOptions): () => Intl.DateTimeFormat {
  return once(() => new Intl.DateTimeFormat(undefined, options));
}
