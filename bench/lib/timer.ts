/** Several runs of the same work: the middle one counts, the spread says how far to trust it. */
export interface Timing {
  /** Milliseconds. */
  readonly median: number;
  /** (slowest − fastest) / median. */
  readonly spread: number;
}

/**
 * Times pieces of work side by side: a round runs each once, so that whatever else the machine does hits all of them. The
 * first round warms up and isn't counted.
 */
export async function timeSideBySide<Name extends string>(
  work: Readonly<Record<Name, () => unknown>>,
  rounds = 5,
): Promise<Readonly<Record<Name, Timing>>> {
  const names = Object.keys(work) as Name[];
  const times = new Map<Name, number[]>(names.map((name) => [name, []]));
  for (let round = 0; round <= rounds; round++) {
    for (const name of names) {
      const began = performance.now();
      await work[name]();
      if (round > 0) times.get(name)?.push(performance.now() - began);
    }
  }
  return Object.fromEntries(names.map((name) => [name, timingOf(times.get(name) ?? [])])) as Record<Name, Timing>;
}

export function timingOf(times: readonly number[]): Timing {
  const sorted = [...times].sort((a, b) => a - b);
  const median = sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
  return { median, spread: ((sorted.at(-1) ?? Number.NaN) - (sorted[0] ?? Number.NaN)) / median };
}

export const spreadText = ({ spread }: Timing): string => `± ${((spread * 100) / 2).toFixed(0)} %`;
