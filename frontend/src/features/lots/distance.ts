/** How far a lot is, as the crow flies. */

export interface Place {
  readonly latitude: number;
  readonly longitude: number;
}

const EARTH = 6_371_000;
const radians = (degrees: number) => (degrees * Math.PI) / 180;

/** In metres; null if the lot does not say where it is. */
export function distance(here: Place, lot: { latitude: string | null; longitude: string | null }): number | null {
  if (lot.latitude === null || lot.longitude === null) return null;
  const [a, b] = [radians(here.latitude), radians(Number(lot.latitude))];
  const [across, along] = [b - a, radians(Number(lot.longitude) - here.longitude)];
  const part = Math.sin(across / 2) ** 2 + Math.cos(a) * Math.cos(b) * Math.sin(along / 2) ** 2;
  return 2 * EARTH * Math.asin(Math.sqrt(part));
}

const unit = (name: string, digits: number) =>
  new Intl.NumberFormat(undefined, { style: "unit", unit: name, maximumFractionDigits: digits });
const METRES = unit("meter", 0);
const KILOMETRES = unit("kilometer", 1);

/** In the reader's language, rounded to what matters. */
export function distanceInWords(metres: number | null): string {
  if (metres === null) return "no position";
  return metres < 950 ? METRES.format(Math.round(metres / 50) * 50) : KILOMETRES.format(metres / 1_000);
}
