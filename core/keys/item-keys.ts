/** The one place that builds DynamoDB keys. */
import type { Key } from "../ports/index.ts";

export const jobKey = (jobId: string): Key => ({ pk: `JOB#${jobId}`, sk: "JOB" });
/** The job of a key of its partition. */
export const jobOfPk = (pk: string): string => pk.slice("JOB#".length);
export const specKey = (jobId: string): Key => ({ pk: `JOB#${jobId}`, sk: "SPEC" });
export const EVENT_PREFIX = "EVENT#";
/** Timeline rows sort by time (RFC 3339, fixed width), then by id. */
export const eventKey = (jobId: string, time: string, id: string): Key => ({
  pk: `JOB#${jobId}`,
  sk: `${EVENT_PREFIX}${time}#${id}`,
});

/** A gate and its batches share a partition; `repartition` raises the generation. */
export const gatePk = (jobId: string, generation: number, gate: number): string =>
  `JOB#${jobId}#g${generation}#${gate}`;
export const gateKey = (jobId: string, generation: number, gate: number): Key => ({
  pk: gatePk(jobId, generation, gate),
  sk: "GATE",
});
export const BATCH_PREFIX = "BATCH#";
export const batchKey = (jobId: string, generation: number, gates: number, batch: number): Key => ({
  pk: gatePk(jobId, generation, batch % gates),
  sk: `${BATCH_PREFIX}${String(batch).padStart(6, "0")}`,
});

export const ownerPk = (owner: string): string => `OWNER#${owner}`;
export const ownerKey = (owner: string): Key => ({ pk: ownerPk(owner), sk: "OWNER" });
export const tokenKey = (owner: string, idempotencyKey: string): Key => ({
  pk: ownerPk(owner),
  sk: `TOKEN#${idempotencyKey}`,
});
/** A token that was signed out before it expired. */
export const signOutKey = (owner: string, tokenId: string): Key => ({ pk: ownerPk(owner), sk: `SIGNOUT#${tokenId}` });
export const API_KEY_PREFIX = "KEY#";
export const apiKeyKey = (owner: string, id: string): Key => ({ pk: ownerPk(owner), sk: `${API_KEY_PREFIX}${id}` });
/** Looked up at sign-in by the key's hash alone. */
export const apiKeyHashKey = (hash: string): Key => ({ pk: `APIKEY#${hash}`, sk: "KEY" });
export const TEMPLATE_PREFIX = "TEMPLATE#";
export const templateKey = (owner: string, id: string): Key => ({ pk: ownerPk(owner), sk: `${TEMPLATE_PREFIX}${id}` });
/** All owners, for the admin's list. */
export const OWNERS_PK = "OWNERS";
export const ownerListKey = (owner: string): Key => ({ pk: OWNERS_PK, sk: `OWNER#${owner}` });

/** Keys of the indexes, set on the job item. */
export const statePk = (owner: string, state: string): string => `${ownerPk(owner)}#${state}`;
export const byOwnerKeys = (owner: string, jobId: string) => ({ ownerPk: ownerPk(owner), ownerSk: jobId });
export const byStateKeys = (owner: string, state: string, jobId: string) => ({
  statePk: statePk(owner, state),
  stateSk: jobId,
});
/** Set on timeline rows, beside the jobs of the same index: an owner's events by time, then by id. */
export const ownerEventsPk = (owner: string): string => `${ownerPk(owner)}#EVENTS`;
export const ownerOfEventsPk = (pk: string): string => pk.slice("OWNER#".length, -"#EVENTS".length);
export const ownerEventKeys = (owner: string, time: string, id: string) => ({
  ownerPk: ownerEventsPk(owner),
  ownerSk: `${time}#${id}`,
});
export const DUE_PK = "DUE";
/** `at` in milliseconds; sorts as text until the year 2286. */
export const byDueKeys = (at: number, jobId: string) => ({
  duePk: DUE_PK,
  dueSk: `${String(at).padStart(13, "0")}#${jobId}`,
});
/** When the job is due, ms; Infinity when it isn't at all. */
export const dueAtOf = ({ dueSk }: { readonly dueSk?: string | undefined }): number =>
  dueSk === undefined ? Number.POSITIVE_INFINITY : Number(dueSk.split("#")[0]);
