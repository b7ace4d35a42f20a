import { randomBytes } from "node:crypto";
import { describe, expect } from "vitest";
import { JobJobError } from "../../core/errors.ts";

/** Where the emulator (or AWS) is; the runner sets it for this layer. */
export const ENDPOINT = process.env.AWS_ENDPOINT_URL;

/** The twin always runs; the adapter only against an endpoint, and without one it is shown as skipped, with the reason. */
export function describeOnEmulator(name: string, body: () => void): void {
  if (ENDPOINT === undefined)
    describe.skip(`${name} — skipped: AWS_ENDPOINT_URL is not set, so there is nothing to run it on`, body);
  else describe(`${name} on ${ENDPOINT}`, body);
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
