/** Sizes, durations, prices and times as people read them. */
const UNITS = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"] as const;

/** 0 B · 999 B · 1.5 KiB · 20 MiB: two digits at least, no more than needed. */
export function humanBytes(bytes: number): string {
  let value = Math.abs(bytes);
  let unit = 0;
  while (value >= 1_023.5 && unit < UNITS.length - 1) {
    value /= 1_024;
    unit++;
  }
  const text = unit === 0 || value >= 9.95 ? String(Math.round(value)) : value.toFixed(1);
  return `${bytes < 0 ? "-" : ""}${text} ${UNITS[unit]}`;
}

/** 0.4 s · 12 s · 3 m 12 s · 2 h 5 m · 3 d 4 h. */
export function humanDuration(seconds: number): string {
  if (seconds < 9.95) return `${Math.max(0, seconds).toFixed(1)} s`;
  const whole = Math.round(seconds);
  const [d, h, m, s] = [
    Math.floor(whole / 86_400),
    Math.floor(whole / 3_600) % 24,
    Math.floor(whole / 60) % 60,
    whole % 60,
  ];
  if (d > 0) return `${d} d ${h} h`;
  if (h > 0) return `${h} h ${m} m`;
  return m > 0 ? `${m} m ${s} s` : `${s} s`;
}

/** Cents and above with two digits behind the point, less with two that count: $1.20, $0.013, $0.000042. */
export function humanUsd(usd: number): string {
  if (usd === 0) return "$0";
  if (usd >= 0.1) return `$${usd.toFixed(2)}`;
  const digits = Math.min(12, 1 - Math.floor(Math.log10(usd)));
  return `$${usd.toFixed(digits)}`;
}

/** 3.2/s · 45/s · 12/min: a rate below one a second reads better by the minute. */
export function humanRate(perSecond: number): string {
  if (perSecond >= 1) return `${perSecond >= 9.95 ? Math.round(perSecond) : perSecond.toFixed(1)}/s`;
  return `${(perSecond * 60).toFixed(perSecond * 60 >= 9.95 ? 0 : 1)}/min`;
}

/** "12 s ago", for a time as the API gives it; "-" for none. */
export function humanAgo(time: string | null, now: number): string {
  return time === null ? "-" : `${humanDuration(Math.max(0, now - Date.parse(time)) / 1_000)} ago`;
}

export const orDash = (value: string | number | null | undefined): string =>
  value === null || value === undefined || value === "" ? "-" : String(value);

/** JOB_STATE_COMPLETE → COMPLETE. */
export const bareState = (state: string): string => state.replace(/^JOB_STATE_/, "");
