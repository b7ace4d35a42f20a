import { createHash } from "node:crypto";
import type { JobJobClient, ResultRecord } from "../../client/index.ts";

/** The one result of a job as a stream through its link. @throws Error when there isn't exactly one */
export async function* onlyResult(client: JobJobClient, jobId: string): AsyncGenerator<Uint8Array> {
  const results: ResultRecord[] = [];
  for await (const result of client.results(jobId)) results.push(result);
  const [result] = results;
  if (!result || results.length > 1) throw new Error(`The job ${jobId} has ${results.length} results, not one.`);
  const answer = await fetch(result.link);
  if (!answer.ok || !answer.body) throw new Error(`The result's link answers ${answer.status}.`);
  yield* answer.body;
}

export async function sha256Of(blocks: AsyncIterable<Uint8Array>): Promise<string> {
  const hash = createHash("sha256");
  for await (const block of blocks) hash.update(block);
  return hash.digest("hex");
}
