import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { JobJobClient, type OwnerEvent } from "../../client/index.ts";
import { eventsAnswer } from "../../core/contracts/api/records.ts";
import { EVENT_SOURCE, STATE_CHANGE, type StateChangeDetail, stateChangeDetail } from "../../core/contracts/events.ts";
import { BusProbe } from "../helpers/bus-probe.ts";
import {
  admin,
  BYPASS,
  completeJob,
  createJob,
  folder,
  newOwner,
  type Owner,
  ownerOf,
  putInput,
  s3Source,
  startJob,
  TEMPORARY,
  theStack,
  waitForJob,
} from "./harness.ts";

const REPLICAS = { templateId: "replicas", dataSource: BYPASS, dataDestination: TEMPORARY };

async function timelineOf(owner: Owner, id: string) {
  const answer = await owner.call("GET", `/v1/customer/jobs/${id}/events?limit=1000`);
  expect(answer.status, JSON.stringify(answer.body)).toBe(200);
  return eventsAnswer.parse(answer.body).data;
}

describe("state changes on EventBridge", () => {
  const probe = new BusProbe(`jobjob-test-${randomUUID().slice(0, 8)}`);
  // A rule as a user would write it; a pattern on the owner would do as well.
  beforeAll(() => probe.start({ source: [EVENT_SOURCE], "detail-type": [STATE_CHANGE] }));
  afterAll(() => probe.stop());

  /** Every change that the job's timeline tells of has come, by its id. */
  async function delivered(owner: Owner, id: string): Promise<ReadonlyMap<string, StateChangeDetail>> {
    const changes = (await timelineOf(owner, id)).filter(({ to }) => to !== null);
    const all = async () => {
      const details = (await probe.delivered()).map(({ detail }) => stateChangeDetail.parse(detail));
      const byId = new Map(details.filter(({ jobId }) => jobId === id).map((detail) => [detail.id, detail]));
      expect([...byId.keys()].sort()).toEqual(changes.map((change) => change.id).sort());
      return byId;
    };
    return vi.waitFor(all, { timeout: 180_000, interval: 500 });
  }

  it("tell each step of a job's life, with its run, reason and counts", async () => {
    const owner = await newOwner();
    const job = await completeJob(owner, { ...REPLICAS, config: { replicationFactor: 5 } });

    const events = await delivered(owner, job.id);

    const timeline = (await timelineOf(owner, job.id)).filter(({ to }) => to !== null);
    expect(timeline.map(({ to }) => to)).toEqual([
      "JOB_STATE_NEW",
      "JOB_STATE_STARTED",
      "JOB_STATE_UPLOADING",
      "JOB_STATE_PARTITIONING",
      "JOB_STATE_PARTITIONED",
      "JOB_STATE_TASKS_COMPLETED",
      "JOB_STATE_MERGING",
      "JOB_STATE_MERGED",
      "JOB_STATE_DOWNLOADING",
      "JOB_STATE_COMPLETE",
    ]);
    for (const change of timeline) {
      const { from, to, at, run, who, why } = change;
      expect(events.get(change.id)).toMatchObject({ owner: owner.name, from, to, at, run, who, why });
    }
    const last = events.get(timeline.at(-1)?.id ?? "");
    expect(last?.counts).toMatchObject({ total: 5, completed: 5, queued: 0, active: 0, failed: 0 });
  });

  it("tell why a job failed", async () => {
    const owner = await newOwner();
    const at = folder();
    await putInput(`${at}in.csv`, 'a,b\n1,2\n3,"open\n');
    const source = { dataSource: s3Source(`${at}in.csv`), dataDestination: TEMPORARY };
    const job = await createJob(owner, { templateId: "csv-select", ...source });
    await startJob(owner, job.id);
    const { errorMessage } = await waitForJob(owner, job.id);

    const events = await delivered(owner, job.id);

    const failed = [...events.values()].find(({ to }) => to === "JOB_STATE_FAILED");
    expect(failed).toMatchObject({ from: "JOB_STATE_PARTITIONING", run: 1, counts: { total: 0 } });
    expect(failed?.why?.length).toBeGreaterThan(20);
    expect(errorMessage).toContain(failed?.why?.split(": ").at(-1)?.slice(0, 40));
  });
});

describe("GET /v1/customer/events", () => {
  async function newClient(): Promise<{ readonly owner: Owner; readonly client: JobJobClient }> {
    const name = `test-${randomUUID().slice(0, 8)}`;
    const { body } = await (await admin()).call("POST", "/v1/admin/owners", { name });
    const client = new JobJobClient({ url: theStack().apiUrl, apiKey: body.apiKey });
    return { owner: await ownerOf(name, body.apiKey), client };
  }

  it("follows all jobs of the owner while they run, each event once, as their timelines have them", async () => {
    const { owner, client } = await newClient();
    const begin = await client.newEvents({ seconds: 0 });
    const jobs = await Promise.all(
      [2, 3].map(async (replicationFactor) => createJob(owner, { ...REPLICAS, config: { replicationFactor } })),
    );
    for (const { id } of jobs) await startJob(owner, id);

    const told: OwnerEvent[] = [];
    let { cursor } = begin;
    const ended = () => told.filter(({ to }) => to === "JOB_STATE_COMPLETE").length;
    for (const deadline = Date.now() + 120_000; ended() < 2 && Date.now() < deadline; ) {
      const answer = await client.newEvents({ cursor, seconds: 20 });
      told.push(...answer.events);
      cursor = answer.cursor;
    }

    const timelines = await Promise.all(jobs.map(({ id }) => timelineOf(owner, id)));
    const ids = told.map((event) => event.id);
    expect(new Set(ids).size).toBe(ids.length);
    for (const [i, { id }] of jobs.entries()) {
      const ofJob = told.filter(({ jobId }) => jobId === id).map(({ jobId: _, ...event }) => event);
      expect(ofJob).toEqual(timelines[i]);
    }
    const again = await client.newEvents({ since: told[0]?.at, seconds: 0 });
    expect(again.events.map((event) => event.id).sort()).toEqual([...ids].sort());
  });

  it("shows nothing of other owners, and asks who calls", async () => {
    const [one, other] = [await newClient(), await newClient()];
    const since = new Date(Date.now() - 60_000).toISOString();
    await createJob(one.owner, REPLICAS);

    const seen = await other.client.newEvents({ since, seconds: 0 });

    expect(seen.events).toEqual([]);
    expect((await one.client.newEvents({ since, seconds: 10 })).events).toHaveLength(1);
    expect((await fetch(`${theStack().apiUrl}/v1/customer/events`)).status).toBe(401);
  });
});
