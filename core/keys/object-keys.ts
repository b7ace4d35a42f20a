/**
 * The one place that builds S3 keys. Everything of an owner lies under `o/<owner>/`, so that a role can be bounded by prefix;
 * the apps' logs under `l/<owner>/`, so that a lifecycle rule of the bucket can expire them.
 */
export interface JobPlace {
  readonly owner: string;
  readonly jobId: string;
}

export const ownerPrefix = (owner: string): string => `o/${owner}/`;
export const jobPrefix = ({ owner, jobId }: JobPlace): string => `o/${owner}/jobs/${jobId}/`;

/** Scratch of one step under one claim: cursors, chunk index, table of sources, manifests. */
export const stepPrefix = (job: JobPlace, step: string, run: number, claim: number): string =>
  `${jobPrefix(job)}scratch/r${run}/${step}/c${claim}/`;
/** What one attempt of plan writes: batch table, manifest, work spec; the job item names the valid ones. */
export const planPrefix = (job: JobPlace, run: number, round: number, attempt: string): string =>
  `${jobPrefix(job)}scratch/r${run}/plan/${round}-${attempt}/`;
/** Where the file source's uploads land. */
export const uploadPrefix = (job: JobPlace): string => `${jobPrefix(job)}uploads/`;
/** What calls of `uploads` announced. */
export const uploadListPrefix = (job: JobPlace): string => `${jobPrefix(job)}scratch/uploads/`;
/** Ordinals that a requeue selected, when they are too many for the job item. */
export const selectionKey = (job: JobPlace, run: number, id: string): string =>
  `${jobPrefix(job)}scratch/r${run}/selection-${id}.txt`;
/** A staged copy of a source that can't be read in place. */
export const stagePrefix = (job: JobPlace, run: number, claim: number): string =>
  `${jobPrefix(job)}staged/r${run}/c${claim}/`;

/** All results of tasks. */
export const resultsPrefix = (job: JobPlace): string => `${jobPrefix(job)}results/`;
/** Results of one claim: claims of a batch only ever rise, within a storage generation also across runs, so no two share a key. */
export const resultPrefix = (job: JobPlace, generation: number, batch: number, claim: number): string =>
  `${resultsPrefix(job)}g${generation}/b${batch}/c${claim}/`;
export const claimIndexKey = (job: JobPlace, generation: number, batch: number, claim: number): string =>
  `${resultPrefix(job, generation, batch, claim)}index.json`;
export const packKey = (job: JobPlace, generation: number, batch: number, claim: number): string =>
  `${resultPrefix(job, generation, batch, claim)}pack`;
export const bigResultKey = (
  job: JobPlace,
  generation: number,
  batch: number,
  claim: number,
  task: number,
  part: number,
): string => `${resultPrefix(job, generation, batch, claim)}t${task}-${part}`;

/** Outputs of one run. */
export const runOutputPrefix = (job: JobPlace, run: number): string => `${jobPrefix(job)}output/r${run}/`;
export const outputPrefix = (job: JobPlace, run: number, claim: number): string =>
  `${runOutputPrefix(job, run)}c${claim}/`;
export const hintKey = (job: JobPlace): string => `${jobPrefix(job)}hint.json`;

/** Logs of a storage generation; a batch's and a claim's numbers are padded, so that keys list in their order. */
export const logPrefix = ({ owner, jobId }: JobPlace): string => `l/${owner}/jobs/${jobId}/`;
export const generationLogPrefix = (job: JobPlace, generation: number): string => `${logPrefix(job)}g${generation}/`;
export const batchLogPrefix = (job: JobPlace, generation: number, batch: number): string =>
  `${generationLogPrefix(job, generation)}b${String(batch).padStart(7, "0")}/`;
export const claimLogKey = (job: JobPlace, generation: number, batch: number, claim: number): string =>
  `${batchLogPrefix(job, generation, batch)}c${String(claim).padStart(4, "0")}.jsonl`;
/** Which batch and claim a log's key belongs to; undefined for a key that none of ours is. */
export function readLogKey(key: string): { readonly batch: number; readonly claim: number } | undefined {
  const [, batch, claim] = /\/b(\d{7,9})\/c(\d{4,9})\.jsonl$/.exec(key) ?? [];
  return batch === undefined || claim === undefined ? undefined : { batch: Number(batch), claim: Number(claim) };
}
