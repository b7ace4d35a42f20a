/**
 * Exact decimal numbers: units × 10^−scale. No float comes near them, so sums don't depend on the order of their terms.
 */
export interface Decimal {
  readonly units: bigint;
  /** ≥ 0. */
  readonly scale: number;
}

export const ZERO: Decimal = { units: 0n, scale: 0 };
/** Beyond it a cell is no quantity that anyone measured, but a way to fill a worker's memory. */
const MAX_EXPONENT = 400;
const MAX_DIGITS = 1_000;
const NUMBER = /^([+-]?)(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d{1,6}))?$/;

const POWERS: bigint[] = [1n];
function power(exponent: number): bigint {
  for (let i = POWERS.length; i <= exponent; i++) POWERS.push((POWERS[i - 1] ?? 1n) * 10n);
  return POWERS[exponent] ?? 1n;
}

/** A cell as a number: digits with an optional sign, point and exponent ("-1.50", ".5", "1e-3"), white space around it; else null. */
export function parseDecimal(text: string): Decimal | null {
  const match = NUMBER.exec(text.trim());
  if (!match) return null;
  const [, sign = "", whole = "", fraction = "", exponentText = "0"] = match;
  const digits = whole + fraction;
  const exponent = Number(exponentText);
  if (digits === "" || digits.length > MAX_DIGITS || Math.abs(exponent) > MAX_EXPONENT) return null;
  const magnitude = BigInt(digits);
  const units = sign === "-" ? -magnitude : magnitude;
  const scale = fraction.length - exponent;
  return scale >= 0 ? { units, scale } : { units: units * power(-scale), scale: 0 };
}

export function addDecimals(a: Decimal, b: Decimal): Decimal {
  if (a.scale === b.scale) return { units: a.units + b.units, scale: a.scale };
  return a.scale > b.scale
    ? { units: a.units + b.units * power(a.scale - b.scale), scale: a.scale }
    : { units: a.units * power(b.scale - a.scale) + b.units, scale: b.scale };
}

/** Below 0, 0 or above, as for sort. */
export function compareDecimals(a: Decimal, b: Decimal): number {
  const scale = Math.max(a.scale, b.scale);
  const difference = a.units * power(scale - a.scale) - b.units * power(scale - b.scale);
  return difference < 0n ? -1 : difference > 0n ? 1 : 0;
}

/** Decimals that a mean has at least: rounded half to even at 12, or at the sum's own number when that is more. */
export const MEAN_DECIMALS = 12;

export function divideDecimal(sum: Decimal, count: bigint): Decimal {
  const scale = Math.max(MEAN_DECIMALS, sum.scale);
  const dividend = sum.units * power(scale - sum.scale);
  const negative = dividend < 0n;
  const magnitude = negative ? -dividend : dividend;
  let quotient = magnitude / count;
  const twice = (magnitude % count) * 2n;
  if (twice > count || (twice === count && quotient % 2n === 1n)) quotient++;
  return { units: negative ? -quotient : quotient, scale };
}

/** Plain digits without exponent and without zeros that say nothing: "1234.5", "-0.001", "0". */
export function formatDecimal({ units, scale }: Decimal): string {
  const negative = units < 0n;
  const digits = (negative ? -units : units).toString().padStart(scale + 1, "0");
  const whole = digits.slice(0, digits.length - scale);
  const fraction = digits.slice(digits.length - scale).replace(/0+$/, "");
  return `${negative ? "-" : ""}${whole}${fraction === "" ? "" : `.${fraction}`}`;
}
