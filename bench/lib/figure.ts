/** One measured number, with what it is to be compared with beside it. */
export interface Figure {
  readonly name: string;
  /** Of several runs: the median. */
  readonly value: number;
  readonly unit: string;
  /** (highest − lowest) / median of the runs behind `value`; absent for what is counted, not timed. */
  readonly spread?: number;
  /** What the same thing costs without JobJob, or what the number is a share of. Measured in the same run. */
  readonly baseline?: { readonly name: string; readonly value: number; readonly spread?: number };
  readonly bar?: Bar;
}

/** What the figure must keep to. */
export interface Bar {
  readonly rule: "at most" | "at least" | "exactly";
  readonly value: number;
  /** The bar is this many times the baseline, which must be there: without one the bar is broken. */
  readonly isTimesBaseline?: boolean;
}

export const atMost = (value: number): Bar => ({ rule: "at most", value });
export const atLeast = (value: number): Bar => ({ rule: "at least", value });
export const exactly = (value: number): Bar => ({ rule: "exactly", value });
/** `value ≤ times × baseline`. */
export const atMostTimes = (times: number): Bar => ({ rule: "at most", value: times, isTimesBaseline: true });
/** `value ≥ times × baseline`. */
export const atLeastTimes = (times: number): Bar => ({ rule: "at least", value: times, isTimesBaseline: true });

/** What the bar is held against: the value, or how many times the baseline it is (NaN without a baseline). */
export const ratioOf = ({ value, baseline }: Figure): number => (baseline ? value / baseline.value : Number.NaN);

export type Verdict = "pass" | "FAIL" | "";

/** A number that isn't one keeps to no bar. */
export function verdict(figure: Figure): Verdict {
  const { bar } = figure;
  if (!bar) return "";
  const value = bar.isTimesBaseline ? ratioOf(figure) : figure.value;
  const kept =
    Number.isFinite(value) &&
    (bar.rule === "at most" ? value <= bar.value : bar.rule === "at least" ? value >= bar.value : value === bar.value);
  return kept ? "pass" : "FAIL";
}

/** A suite measures and says how far it is. */
export interface Suite {
  readonly name: string;
  readonly what: string;
  run(say: (line: string) => void): Promise<readonly Figure[]>;
}
