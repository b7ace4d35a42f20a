/** One measured number, with what it is to be compared with beside it. */
export interface Figure {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  /** What the same thing costs without JobJob, or what the number is a share of. Measured in the same run. */
  readonly baseline?: { readonly name: string; readonly value: number };
  readonly bar?: Bar;
}

/** What the figure must keep to; an `aim` is shown, but breaking it doesn't fail the bench. */
export interface Bar {
  readonly rule: "at most" | "at least" | "exactly";
  readonly value: number;
  readonly aim?: boolean;
}

export const atMost = (value: number): Bar => ({ rule: "at most", value });
export const atLeast = (value: number): Bar => ({ rule: "at least", value });
export const exactly = (value: number): Bar => ({ rule: "exactly", value });
export const aimAtMost = (value: number): Bar => ({ rule: "at most", value, aim: true });

export type Verdict = "pass" | "FAIL" | "missed" | "";

/** A number that isn't one keeps to no bar. */
export function verdict({ value, bar }: Figure): Verdict {
  if (!bar) return "";
  const kept =
    bar.rule === "at most" ? value <= bar.value : bar.rule === "at least" ? value >= bar.value : value === bar.value;
  return kept ? "pass" : bar.aim ? "missed" : "FAIL";
}

/** A suite measures and says how far it is. */
export interface Suite {
  readonly name: string;
  readonly what: string;
  run(say: (line: string) => void): Promise<readonly Figure[]>;
}
