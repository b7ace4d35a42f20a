/** An axis: where a value stands, and which values are written beside it. */
export interface AxisOptions {
  readonly label: string;
  readonly kind: "linear" | "log";
  /** @default the data's own, widened to round numbers; a linear axis begins at 0 */
  readonly from?: number;
  readonly to?: number;
}

export interface Axis {
  readonly label: string;
  readonly ticks: readonly number[];
  /** 0 … 1 */
  readonly place: (value: number) => number;
}

/** @throws RangeError for no values, or for one that a logarithm can't have */
export function axisOf(options: AxisOptions, values: readonly number[]): Axis {
  const all = [
    ...values,
    ...(options.from === undefined ? [] : [options.from]),
    ...(options.to === undefined ? [] : [options.to]),
  ];
  if (all.length === 0 || all.some((value) => !Number.isFinite(value))) {
    throw new RangeError(`the axis "${options.label}" needs numbers`);
  }
  const [least, most] = [Math.min(...all), Math.max(...all)];
  return options.kind === "log" ? logAxis(options.label, least, most) : linearAxis(options.label, most);
}

function linearAxis(label: string, most: number): Axis {
  const step = roundStep((most || 1) / 5);
  const count = Math.max(1, Math.ceil((most || 1) / step - 1e-6));
  const top = count * step;
  return { label, ticks: Array.from({ length: count + 1 }, (_, i) => i * step), place: (value) => value / top };
}

/** 1, 2 or 5 times a power of ten, at least `wanted` but for what sums of fractions are off. */
function roundStep(wanted: number): number {
  const power = 10 ** Math.floor(Math.log10(wanted));
  return power * ([1, 2, 5, 10].find((times) => times * power >= wanted * (1 - 1e-6)) ?? 10);
}

function logAxis(label: string, least: number, most: number): Axis {
  if (least <= 0) throw new RangeError(`the axis "${label}" is logarithmic and can't show ${least}`);
  const low = Math.floor(Math.log10(least) + 1e-9);
  const high = Math.max(low + 1, Math.ceil(Math.log10(most) - 1e-9));
  return {
    label,
    ticks: Array.from({ length: high - low + 1 }, (_, i) => 10 ** (low + i)),
    place: (value) => (Math.log10(value) - low) / (high - low),
  };
}

/** 20000 → "20,000"; 1e7 → "10 M"; 0.001 → "0.001". */
export function tickText(value: number): string {
  if (value >= 1e6) return `${value / 1e6} M`;
  return Number(value.toPrecision(3)).toLocaleString("en-US", { maximumFractionDigits: 6 });
}
