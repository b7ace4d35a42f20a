/**
 * The one place that builds S3 keys. Everything of an owner lies under `o/<owner>/`, so that a role can be bounded by prefix.
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
/** A staged copy of a source that can't be read in place. */
export const stagePrefix = (job: JobPlace, run: number, claim: number): string =>
  `${jobPrefix(job)}staged/r${run}/c${claim}/`;

/** Results of one claim: claims of a batch only ever rise, within a storage generation also across runs, so no two share a key. */
export const resultPrefix = (job: JobPlace, generation: number, batch: number, claim: number): string =>
  `${jobPrefix(job)}results/g${generation}/b${batch}/c${claim}/`;
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
