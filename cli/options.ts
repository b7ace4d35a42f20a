/** Options that several commands share. */
import { type Command, InvalidArgumentError } from "commander";

export function wholeNumber(least: number) {
  return (text: string): number => {
    const value = Number(text);
    if (!/^\d+$/.test(text) || !Number.isSafeInteger(value) || value < least) {
      throw new InvalidArgumentError(`It must be a whole number from ${least}.`);
    }
    return value;
  };
}

/** Seconds, or with a unit: 90, 90s, 5m, 2h. */
export function seconds(text: string): number {
  const [, number, unit = "s"] = /^(\d+(?:\.\d+)?)([smh]?)$/.exec(text) ?? [];
  if (number === undefined) throw new InvalidArgumentError("Write it as 90, 90s, 5m or 2h.");
  return Number(number) * (unit === "h" ? 3_600 : unit === "m" ? 60 : 1);
}

/** An option that may be given several times. */
export const collect = (value: string, before: readonly string[] = []): readonly string[] => [...before, value];

/** What describes a job to be made. */
export const draftOptions = (command: Command): Command =>
  command
    .option("-t, --template <id>", "what to run; `jobjob template list` shows them")
    .option("-p, --param <name=value>", "param of a block, as app.by=state; values may be JSON; repeatable", collect)
    .option("-c, --config <name=value>", "config of the job, as taskTimeout=60; repeatable", collect)
    .option("--chunks <n>", "wanted number of chunks (of each object)", wholeNumber(1))
    .option("--name <name>", "the job's name, at least 4 characters");

/** `--partial`: of a job that isn't COMPLETE and of which nothing runs. */
export const partialOption = (command: Command): Command =>
  command.option("--partial", "of a FAILED, CANCELED or PAUSED job: what its tasks have finished, unmerged");

/** `--limit N` and `--all`. */
export const limitOptions = (command: Command, limit: number): Command =>
  command.option("-n, --limit <n>", "rows at most", wholeNumber(1), limit).option("-a, --all", "all rows");

export interface LimitOptions {
  readonly limit: number;
  readonly all?: boolean;
}
export const limitOf = ({ limit, all }: LimitOptions): number => (all ? Number.POSITIVE_INFINITY : limit);
