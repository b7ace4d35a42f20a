import type { Node } from "constructs";
import * as z from "zod";
import { DEFAULT_SETTINGS } from "../core/steps/context.ts";

/** `-c key=value` gives text, cdk.json gives numbers. */
const count = z.coerce.number().pipe(z.int().min(1));
const names = z
  .union([z.array(z.string()), z.string().transform((text) => text.split(","))])
  .transform((list) => list.map((name) => name.trim()).filter((name) => name !== ""))
  .pipe(z.array(z.string().regex(/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/, "isn't the name of an S3 bucket")));
const flag = z.union([z.boolean(), z.enum(["true", "false"]).transform((text) => text === "true")]);

/**
 * The deployment's context keys (`cdk.json` or `-c key=value`), all optional.
 *
 * @example
 * npx cdk deploy -c grantedBuckets=sales-exports,reports -c maxWorkers=200
 */
const contextKeys = z.object({
  /** Buckets that jobs may read and write besides the own one. */
  grantedBuckets: names.default([]),
  /** Children of the Distributed Map at once, at most; a job may ask for less. */
  maxWorkers: count.default(DEFAULT_SETTINGS.maxWorkers),
  /**
   * For emulators only: a fixed MaxConcurrency of the Map, which they honour, in place of MaxConcurrencyPath, which they
   * don't. The one difference between their template and AWS's.
   */
  mapMaxConcurrency: count.optional(),
  /** Milliseconds a resumable step works before it saves its cursor; tests make it tiny. */
  stepBudgetMs: count.default(DEFAULT_SETTINGS.stepBudgetMs),
  publishBudgetMs: count.default(DEFAULT_SETTINGS.publishBudgetMs),
  /** Parts of a multipart upload, and the least bytes of one; S3 allows 10,000 and 5 MiB. */
  partLimit: count.default(DEFAULT_SETTINGS.partLimit),
  partBytes: count.default(DEFAULT_SETTINGS.partBytes),
  /** Seconds an access token lives. */
  tokenSeconds: count.default(3_600),
  /** Every caller gets job states as the nearest of ByteNite's eleven. */
  compat: z.enum(["", "bytenite"]).default(""),
  /** Concurrency kept free for claim λ and for commit λ, each; unset: they share the account's. */
  reservedControlConcurrency: count.optional(),
  /** Name of the EventBridge bus that state changes go to; it must exist. */
  eventBus: z
    .string()
    .regex(/^(?!aws\.)[A-Za-z0-9/._-]{1,256}$/, "isn't the name of an event bus")
    .default("default"),
  /** Days that what apps printed is kept. */
  logDays: count.default(30),
  /** Data goes with the stack: for tests and throw-away deployments. Otherwise bucket and table stay behind. */
  destroy: flag.default(false),
});
export type DeploymentSettings = z.infer<typeof contextKeys>;

/** @throws Error naming every context key that is wrong. */
export function readSettings(node: Node): DeploymentSettings {
  const given = Object.fromEntries(
    Object.keys(contextKeys.shape).map((key): [string, unknown] => [key, node.tryGetContext(key) ?? undefined]),
  );
  const parsed = contextKeys.safeParse(given);
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.map((issue) => `${issue.path.join(".")}: ${issue.message}`);
  throw new Error(`The CDK context is wrong: ${problems.join("; ")}. See cdk/settings.ts for the keys.`);
}
