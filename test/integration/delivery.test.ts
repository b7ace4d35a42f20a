/** Deliveries that replace their own, and what is missing from them, on the deployed stack. */
import { describe, expect, it } from "vitest";
import { incompleteHead, incompleteTask } from "../../core/contracts/incomplete.ts";
import {
  completeJob,
  createJob,
  downloadResults,
  folder,
  getOutput,
  listOutput,
  newOwner,
  type Owner,
  putInput,
  putOutput,
  s3Destination,
  s3Source,
  startJob,
  waitForJob,
} from "./harness.ts";

const GOOD = "a,b\n1,2\n3,4\n";
/** Not UTF-8: its task fails for good at its first attempt. */
const BAD = Buffer.concat([Buffer.from("a,b\n5,"), Buffer.from([0xff, 0xfe]), Buffer.from("\n")]);

/** Two files, one of which can't be read; a task each. */
async function twoFiles(at: string): Promise<void> {
  await putInput(`${at}in/bad.csv`, BAD);
  await putInput(`${at}in/good.csv`, GOOD);
}
const jobOf = (templateId: string, at: string, tolerated: number) => ({
  templateId,
  dataSource: s3Source(`${at}in/`),
  dataDestination: s3Destination(`${at}out`),
  params: { app: {} },
  config: { toleratedFailurePercentage: tolerated, maxTaskRetries: 0 },
});
async function requeue(owner: Owner, id: string, body: object, status = 200) {
  const answer = await owner.call("POST", `/v1/customer/jobs/${id}/requeue`, body);
  expect(answer.status, JSON.stringify(answer.body)).toBe(status);
  return answer.body;
}
const delivered = async (at: string): Promise<Record<string, string>> =>
  Object.fromEntries(
    await Promise.all(
      (await listOutput(`${at}out/`)).map(async (key) => [
        key.slice(`${at}out/`.length),
        (await getOutput(key)).toString(),
      ]),
    ),
  );
function readReport(text: string | undefined) {
  const [head, ...tasks] = (text ?? "").trimEnd().split("\n");
  return {
    head: incompleteHead.parse(JSON.parse(head ?? "")),
    tasks: tasks.map((line) => incompleteTask.parse(JSON.parse(line))),
  };
}

describe.concurrent("a delivery", () => {
  it("that misses something says what beside it; a requeue of the mended source replaces it all", async () => {
    const owner = await newOwner();
    const at = folder();
    await twoFiles(at);

    const job = await completeJob(owner, jobOf("csv-split", at, 50));

    expect(job.incomplete).toEqual({ tasks: 1, items: 0 });
    const first = await delivered(at);
    expect(Object.keys(first).sort()).toEqual(["1_result.csv", "_incomplete.ndjson"].sort());
    const { head, tasks } = readReport(first["_incomplete.ndjson"]);
    expect(head).toMatchObject({ jobId: job.id, run: 1, tasks: { total: 2, failed: 1, partial: 0 } });
    expect(tasks).toMatchObject([
      {
        ordinal: 0,
        state: "FAILED",
        error: { code: "INVALID_UTF8" },
        chunk: { sources: [{ key: `${at}in/bad.csv` }] },
      },
    ]);
    const results = await downloadResults(owner, job.id);
    expect(results.get("_incomplete.ndjson")?.toString()).toBe(first["_incomplete.ndjson"]);

    await putInput(`${at}in/bad.csv`, "a,b\n5,6\n");
    expect((await requeue(owner, job.id, { tasks: "failed" }, 409)).reason).toBe("INPUT_CHANGED");
    await requeue(owner, job.id, { repartition: true });
    const again = await waitForJob(owner, job.id);

    expect([again.state, again.run, again.incomplete]).toEqual(["JOB_STATE_COMPLETE", 2, null]);
    const second = await delivered(at);
    expect(Object.keys(second).sort()).toEqual(["0_result.csv", "1_result.csv", "_manifest.json"]);
    expect(second["0_result.csv"]).toBe("a,b\n5,6\n");
    expect(second["1_result.csv"]).toBe(GOOD);
    expect(JSON.parse(second["_manifest.json"] ?? "")).toMatchObject({
      run: 2,
      complete: true,
      count: 2,
      report: null,
    });
  });

  it("of one object replaces its own, never another's", async () => {
    const owner = await newOwner();
    const at = folder();
    await putInput(`${at}in/good.csv`, GOOD);
    const job = await completeJob(owner, jobOf("csv-select", at, 0));
    const [name = ""] = Object.keys(await delivered(at));

    await requeue(owner, job.id, { tasks: "all" });
    const again = await waitForJob(owner, job.id);
    expect([again.state, again.run]).toEqual(["JOB_STATE_COMPLETE", 2]);
    expect(await delivered(at)).toEqual({ [name]: GOOD });

    await putOutput(`${at}out/${name}`, "another's");
    expect((await requeue(owner, job.id, { tasks: "all" }, 422)).reason).toBe("DESTINATION_TAKEN");
    expect(await delivered(at)).toEqual({ [name]: "another's" });
  });

  it("that never came leaves the results of the tasks that ended, each with its link", async () => {
    const owner = await newOwner();
    const at = folder();
    await twoFiles(at);
    const { id } = await createJob(owner, jobOf("csv-split", at, 0));
    await startJob(owner, id);
    expect((await waitForJob(owner, id)).state).toBe("JOB_STATE_FAILED");

    const { status, body } = await owner.call("GET", `/v1/customer/jobs/${id}/results?partial=true`);

    expect([status, body.nextPage]).toEqual([200, null]);
    expect(body.results).toMatchObject([{ task: 1, name: "1_result.csv", size: Buffer.byteLength(GOOD) }]);
    const [{ link, range }] = body.results;
    const answer = await fetch(link, range === null ? {} : { headers: { range } });
    expect(await answer.text()).toBe(GOOD);
    expect(await listOutput(`${at}out/`)).toEqual([]);
  });
});
