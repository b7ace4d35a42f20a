/**
 * The measured figures that the model is fed with, in one table: what each is, and where in bench/results.json it was
 * measured. A figure that the file doesn't hold (a bench that ran without its suite) is replaced by the one recorded here,
 * and whoever prints the inputs says so.
 */
interface Input {
  readonly what: string;
  readonly unit: string;
  readonly suite: string;
  readonly figure: string;
  /** As measured on two cores of a 2.5 GHz Xeon, Node 20, on 2026-11-22. */
  readonly recorded: number;
}

export const INPUTS = {
  tinyTask: {
    what: "a tiny task in a worker",
    unit: "ms",
    suite: "scale",
    figure: "a tiny task in a worker that is alone",
    recorded: 0.5,
  },
  batch: {
    what: "a worker's invocation beside its tasks",
    unit: "ms",
    suite: "scale",
    figure: "a worker's invocation beside its tasks",
    recorded: 60,
  },
  smallObject: {
    what: "a small object in a worker (checksum)",
    unit: "ms",
    suite: "scale",
    figure: "an object of 66 KB in a worker that is alone",
    recorded: 2,
  },
  linesRate: {
    what: "text in a worker (word-count)",
    unit: "MB/s",
    suite: "scale",
    figure: "word-count in a worker that is alone",
    recorded: 20,
  },
  ndjsonRate: {
    what: "NDJSON in a worker (select)",
    unit: "MB/s",
    suite: "scale",
    figure: "ndjson-select in a worker that is alone",
    recorded: 20,
  },
  csvRate: {
    what: "CSV in a worker (select)",
    unit: "MB/s",
    suite: "scale",
    figure: "csv-select in a worker that is alone",
    recorded: 12,
  },
  around: {
    what: "what a task adds to the steps around the tasks (partition, plan, assemble)",
    unit: "ms",
    suite: "scale",
    figure: "a task in the steps around the tasks",
    recorded: 0.05,
  },
  scanRate: {
    what: "partition's scan of a CSV that may hide newlines in quotes",
    unit: "MB/s",
    suite: "splitting",
    figure: "CSV with quotes: planning exact chunks",
    recorded: 469,
  },
} as const satisfies Record<string, Input>;

export type InputName = keyof typeof INPUTS;
export type Inputs = Readonly<Record<InputName, number>>;

export interface ReadInputs {
  readonly inputs: Inputs;
  /** Those that were not measured in the file at hand. */
  readonly recorded: readonly InputName[];
}

interface SuiteFigures {
  readonly suite: string;
  readonly figures: readonly { readonly name: string; readonly value: number }[];
}

export function readInputs(suites: readonly SuiteFigures[]): ReadInputs {
  const recorded: InputName[] = [];
  const values = Object.entries(INPUTS).map(([name, input]): [string, number] => {
    const figures = suites.find(({ suite }) => suite === input.suite)?.figures;
    const value = figures?.find((figure) => figure.name === input.figure)?.value;
    if (value !== undefined && Number.isFinite(value) && value > 0) return [name, value];
    recorded.push(name as InputName);
    return [name, input.recorded];
  });
  return { inputs: Object.fromEntries(values) as Record<InputName, number>, recorded };
}
