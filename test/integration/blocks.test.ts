import { describe, expect, it } from "vitest";
import * as yauzl from "yauzl";
import {
  BYPASS,
  completeJob,
  createJob,
  downloadResults,
  folder,
  newOwner,
  putInput,
  s3Source,
  startJob,
  TEMPORARY,
  waitForJob,
} from "./harness.ts";

const CSV = "id,state,n\n1,CA,0.1\n2,NY,0.2\n3,CA,0.3\n";
const NDJSON = '{"id":1,"state":"CA"}\n\n{"id":2,"state":"NY","more":[1]}\n';

/** template, inputs, params, and what the result files must hold. */
const CASES: readonly (readonly [
  string,
  Readonly<Record<string, string>>,
  Record<string, unknown>,
  Readonly<Record<string, string>>,
])[] = [
  [
    "csv-to-json",
    { "a.csv": CSV },
    { app: { columns: "id" }, partitioner: { chunks: 2 } },
    { "output.json": '[\n{"id":"1"},\n{"id":"2"},\n{"id":"3"}\n]\n' },
  ],
  [
    "csv-to-ndjson",
    { "a.csv": CSV },
    { app: { where: { state: "CA" }, columns: "id" } },
    { "output.ndjson": '{"id":"1"}\n{"id":"3"}\n' },
  ],
  [
    "ndjson-select",
    { "a.ndjson": NDJSON },
    { app: { where: { state: "NY" } } },
    { "output.ndjson": '{"id":2,"state":"NY","more":[1]}\n' },
  ],
  [
    "ndjson-to-csv",
    { "a.ndjson": NDJSON },
    { app: { columns: "id,state" } },
    { "output.csv": "id,state\n1,CA\n2,NY\n" },
  ],
  ["ndjson-group-by", { "a.ndjson": NDJSON }, { app: { by: "state" } }, { "output.csv": "state,count\nCA,1\nNY,1\n" }],
  ["join", { a: "one\n", b: "two" }, {}, { output: "one\ntwo" }],
  ["copy", { a: "one\n", "b/c": "two" }, {}, { "0_a": "one\n", "1_b/c": "two" }],
  [
    "split-lines",
    { "a.txt": "one\ntwo\nthree\n" },
    { partitioner: { chunks: 2 } },
    { "0_data.txt": "one\ntwo\n", "1_data.txt": "three\n" },
  ],
  [
    "split-bytes",
    { "a.bin": "0123456789" },
    { partitioner: { maxChunkSize: 4 } },
    { "0_data.bin": "0123", "1_data.bin": "4567", "2_data.bin": "89" },
  ],
];

describe.concurrent("every built-in block, by its template", () => {
  it.each(CASES)("%s", async (templateId, inputs, params, expected) => {
    const owner = await newOwner();
    const at = folder();
    for (const [name, text] of Object.entries(inputs)) await putInput(`${at}${name}`, text);

    const job = await completeJob(owner, { templateId, dataSource: s3Source(at), dataDestination: TEMPORARY, params });

    const files = await downloadResults(owner, job.id);
    const texts = Object.fromEntries([...files].map(([name, bytes]) => [name, bytes.toString()]));
    expect(Object.values(texts)).toEqual(Object.values(expected));
    expect(Object.keys(texts)).toEqual(Object.keys(expected));
  });

  it("zip-objects: an archive that any reader opens", async () => {
    const owner = await newOwner();
    const at = folder();
    await putInput(`${at}a.txt`, "one\n");
    await putInput(`${at}ü/b.txt`, "two");

    const job = await completeJob(owner, {
      templateId: "zip-objects",
      dataSource: s3Source(at),
      dataDestination: TEMPORARY,
    });

    const [[name, bytes]] = [...(await downloadResults(owner, job.id))] as [[string, Buffer]];
    expect(name).toBe("output.zip");
    expect(await namesInZip(bytes)).toEqual(["0_a.txt", "1_ü/b.txt"]);
  });

  it("replicas: as many chunks as asked for", async () => {
    const owner = await newOwner();

    const job = await completeJob(owner, {
      templateId: "replicas",
      dataSource: BYPASS,
      dataDestination: TEMPORARY,
      config: { replicationFactor: 5 },
    });

    expect(job.numChunks).toBe(5);
    const [[, bytes]] = [...(await downloadResults(owner, job.id))] as [[string, Buffer]];
    expect(bytes.toString().trimEnd().split("\n")).toHaveLength(5);
  });

  it("a folder by `uploads`, checksummed", async () => {
    const owner = await newOwner();
    const job = await createJob(owner, {
      templateId: "checksum-objects",
      dataSource: { dataSourceDescriptor: "file", params: { name: "folder" } },
      dataDestination: TEMPORARY,
    });
    const texts = { "b.txt": "b", "a/ä b.txt": "a" };
    const files = Object.entries(texts).map(([name, text]) => ({ name, size: Buffer.byteLength(text) }));
    const made = await owner.call("POST", `/v1/customer/jobs/${job.id}/uploads`, { files });
    expect(made.status, JSON.stringify(made.body)).toBe(200);
    for (const { name, url } of made.body.uploads) {
      const put = await fetch(url, { method: "PUT", body: texts[name as keyof typeof texts] });
      expect(put.status).toBe(200);
    }
    expect((await owner.call("PATCH", `/v1/customer/jobs/${job.id}/uploadcompleted`)).status).toBe(200);
    await startJob(owner, job.id);

    expect((await waitForJob(owner, job.id)).state).toBe("JOB_STATE_COMPLETE");

    const [[, bytes]] = [...(await downloadResults(owner, job.id))] as [[string, Buffer]];
    expect(
      bytes
        .toString()
        .trimEnd()
        .split("\n")
        .map((line) => JSON.parse(line).key),
    ).toEqual(["a/ä b.txt", "b.txt"]);
  });
});

function namesInZip(bytes: Buffer): Promise<string[]> {
  return new Promise((resolve, reject) => {
    yauzl.fromBuffer(bytes, (error, zip) => {
      if (error) return reject(error);
      const names: string[] = [];
      zip.on("entry", (entry: yauzl.Entry) => names.push(entry.fileName));
      zip.on("end", () => resolve(names));
      zip.on("error", reject);
    });
  });
}
