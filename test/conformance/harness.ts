import { randomBytes } from "node:crypto";
import { describe, expect, it } from "vitest";
import { JobJobError } from "../../core/errors.ts";

/** Where the emulator (or AWS) is; the runner sets it for this layer. */
export const ENDPOINT = process.env.AWS_ENDPOINT_URL;

/** The twin always runs; the adapter only against an endpoint, and without one it is shown as skipped, with the reason. */
export function describeOnEmulator(name: string, body: () => void): void {
  if (ENDPOINT === undefined)
    describe.skip(`${name} — skipped: AWS_ENDPOINT_URL is not set, so there is nothing to run it on`, body);
  else describe(`${name} on ${ENDPOINT}`, body);
}

/** Which emulator it is, for the few tests that one of them can't pass; `other` (AWS too) is held to everything. */
export const EMULATOR: Emulator = await whichEmulator();
export type Emulator = "ministack" | "localstack" | "other";

async function whichEmulator(): Promise<Emulator> {
  if (ENDPOINT === undefined || ENDPOINT.includes("amazonaws.com")) return "other";
  for (const name of ["ministack", "localstack"] as const) {
    const answer = await fetch(`${ENDPOINT}/_${name}/health`, { signal: AbortSignal.timeout(30_000) });
    await answer.arrayBuffer();
    if (answer.ok) return name;
  }
  return "other";
}

/** What one emulator does unlike AWS, by the name of the case; shown as skipped with the reason. */
export type Known = Readonly<Record<string, string>>;

export function itUnless(known: Known, name: string, title: string, body: () => Promise<void>): void {
  const why = known[name];
  if (why === undefined) it(title, body);
  else it.skip(`${title} — skipped: ${why}`, body);
}

/** Tests share a table and a bucket and keep apart by names of their own. */
export const unique = (prefix: string): string => `${prefix}-${randomBytes(6).toString("hex")}`;

export async function errorOf(promise: Promise<unknown>): Promise<JobJobError> {
  const outcome: unknown = await promise.then(
    (value) => new Error(`expected an error and got ${JSON.stringify(value)}`),
    (error: unknown) => error,
  );
  if (!(outcome instanceof JobJobError)) throw outcome;
  return outcome;
}

export async function expectCode(promise: Promise<unknown>, code: string): Promise<void> {
  expect((await errorOf(promise)).code).toBe(code);
}
