import { ENVIRONMENT } from "../core/contracts/environment.ts";
import { JobJobError } from "../core/errors.ts";
import { DEFAULT_SETTINGS, type Settings } from "../core/steps/context.ts";

type Variable = keyof typeof ENVIRONMENT;

/** @throws JobJobError ENVIRONMENT_INVALID when the variable isn't set: the function table gives it to other functions only. */
export function requireVariable(variable: Variable): string {
  const value = process.env[ENVIRONMENT[variable]];
  if (value !== undefined && value !== "") return value;
  throw invalid(variable, "isn't set");
}

/** @throws JobJobError ENVIRONMENT_INVALID when it is set to anything but a whole number ≥ 1. */
export function numberVariable(variable: Variable, otherwise: number): number {
  const text = process.env[ENVIRONMENT[variable]];
  if (text === undefined || text === "") return otherwise;
  const value = Number(text);
  if (Number.isSafeInteger(value) && value >= 1) return value;
  throw invalid(variable, `is "${text}", not a whole number above 0`);
}

/** Names separated by commas; none when unset. */
export function listVariable(variable: Variable): readonly string[] {
  return (process.env[ENVIRONMENT[variable]] ?? "").split(",").filter((name) => name !== "");
}

/** The settings of this function; what the function table doesn't give it has its default. */
export function settingsFromEnvironment(): Settings {
  return {
    bucket: requireVariable("bucket"),
    region: process.env.AWS_REGION ?? "us-east-1",
    grantedBuckets: listVariable("grantedBuckets"),
    maxWorkers: numberVariable("maxWorkers", DEFAULT_SETTINGS.maxWorkers),
    stepBudgetMs: numberVariable("stepBudgetMs", DEFAULT_SETTINGS.stepBudgetMs),
    publishBudgetMs: numberVariable("publishBudgetMs", DEFAULT_SETTINGS.publishBudgetMs),
    partLimit: numberVariable("partLimit", DEFAULT_SETTINGS.partLimit),
    partBytes: numberVariable("partBytes", DEFAULT_SETTINGS.partBytes),
  };
}

const invalid = (variable: Variable, problem: string): JobJobError =>
  new JobJobError({
    code: "ENVIRONMENT_INVALID",
    message: `The environment variable ${ENVIRONMENT[variable]} ${problem}; deploy the stack again.`,
  });
