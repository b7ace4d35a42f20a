import { mkdtempSync } from "node:fs";
import { createServer, type IncomingHttpHeaders, type Server } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { pathToFileURL } from "node:url";
import * as esbuild from "esbuild";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { bundle, FORMAT } from "../../../cdk/bundle.ts";
import { FUNCTION_NAMES } from "../../../cdk/function-table.ts";
import type { ObjectStore, Table, WorkflowPort } from "../../../core/ports/index.ts";

const ROOT = process.cwd();
const KIB = 1_024;

describe("the bundles", () => {
  it("are small: the API at most 550 KiB, every other file at most 500", async () => {
    const { outputs } = await bundle(ROOT, { outdir: mkdtempSync(join(tmpdir(), "jobjob-bundles-")) });

    const sizes = Object.entries(outputs).map(([path, { bytes }]) => ({
      file: path.split("/").slice(-2).join("/"),
      kib: Math.ceil(bytes / KIB),
    }));
    expect(sizes.map(({ file }) => file).sort()).toEqual(
      [...FUNCTION_NAMES.map((name) => `${name}/index.mjs`), "app/thread.mjs"].sort(),
    );
    expect(sizes.filter(({ file, kib }) => kib > (file.startsWith("api/") ? 550 : 500))).toEqual([]);
  }, 60_000);

  it("name every entry that is missing", async () => {
    await expect(bundle(mkdtempSync(join(tmpdir(), "jobjob-empty-")))).rejects.toThrow(
      /lambdas\/api\/index\.ts, lambdas\/authorizer\/index\.ts/,
    );
  });
});

/** What the rules of the diet leave of the SDK still tells errors apart: answered by a server that says no. */
describe("the SDK on its diet", () => {
  let server: Server;
  let ports: { readonly table: Table; readonly store: ObjectStore; readonly workflow: WorkflowPort };
  let refusal: { status: number; type: string; body: string; etag?: string } = {
    status: 400,
    type: "application/json",
    body: "",
  };
  let asked: { readonly headers: IncomingHttpHeaders; readonly url: string | undefined; readonly body: string };

  beforeAll(async () => {
    server = createServer(async (request, response) => {
      asked = { headers: request.headers, url: request.url, body: await text(request) };
      const { status, type, body, etag } = refusal;
      response.writeHead(status, { "content-type": type, ...(etag ? { etag } : {}) }).end(body);
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const address = server.address();
    if (typeof address !== "object" || address === null) throw new Error("The server has no address.");
    vi.stubEnv("AWS_ENDPOINT_URL", `http://127.0.0.1:${address.port}`);
    vi.stubEnv("AWS_REGION", "eu-central-1");
    vi.stubEnv("AWS_ACCESS_KEY_ID", "test");
    vi.stubEnv("AWS_SECRET_ACCESS_KEY", "test");
    ports = await adaptersOnDiet();
  });
  afterAll(() => {
    vi.unstubAllEnvs();
    server.close();
  });

  const answerJson = (type: string, more: object = {}) => {
    refusal = { status: 400, type: "application/x-amz-json-1.0", body: JSON.stringify({ __type: type, ...more }) };
  };
  const answerXml = (status: number, code: string) => {
    refusal = { status, type: "application/xml", body: `<Error><Code>${code}</Code><Message>no</Message></Error>` };
  };

  it("reads the reasons of a cancelled transaction", async () => {
    answerJson("com.amazonaws.dynamodb.v20120810#TransactionCanceledException", {
      Message: "Transaction cancelled",
      CancellationReasons: [{ Code: "None" }, { Code: "ConditionalCheckFailed", Message: "no" }],
    });

    const refused = ports.table.transact([
      { put: { pk: "a", sk: "a" } },
      { put: { pk: "b", sk: "b" }, if: { missing: "pk" } },
    ]);

    await expect(refused).rejects.toMatchObject({ code: "WRITE_REFUSED", reasons: ["none", "condition"] });
  });

  it("knows a failed condition", async () => {
    answerJson("com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException", { message: "no" });

    const refused = ports.table.write({ put: { pk: "a", sk: "a" }, if: { missing: "pk" } });

    await expect(refused).rejects.toMatchObject({ code: "WRITE_REFUSED", reasons: ["condition"] });
  });

  it.each([
    [404, "NoSuchKey", "OBJECT_MISSING"],
    [404, "NoSuchBucket", "BUCKET_MISSING"],
    [412, "PreconditionFailed", "PRECONDITION_FAILED"],
    [403, "AccessDenied", "ACCESS_DENIED"],
  ])("knows S3's %i %s", async (status, code, expected) => {
    answerXml(status, code);

    await expect(ports.store.get({ bucket: "data", key: "a" })).rejects.toMatchObject({ code: expected });
  });

  it("knows an upload that is gone", async () => {
    answerXml(404, "NoSuchUpload");

    const part = ports.store.uploadPart({ bucket: "data", key: "a" }, "u", 1, new Uint8Array(1));

    await expect(part).rejects.toMatchObject({ code: "UPLOAD_MISSING" });
  });

  it("knows an execution that exists, and one that doesn't", async () => {
    answerJson("ExecutionAlreadyExists", { message: "no" });
    expect(await ports.workflow.start("j-r1", { jobId: "j", run: 1 })).toEqual({ started: false });

    answerJson("com.amazonaws.swf.service.v2.model#ExecutionDoesNotExist", { message: "no" });
    expect(await ports.workflow.status("j-r1")).toBe("missing");
  });

  it("sends what a put asks for, and reads what it made", async () => {
    refusal = { status: 200, type: "application/xml", body: "", etag: '"e1"' };

    const put = await ports.store.put({ bucket: "data", key: "a" }, "x", { contentType: "text/csv", ifNoneMatch: "*" });

    expect(put).toEqual({ etag: '"e1"' });
    expect(asked.headers).toMatchObject({ "content-type": "text/csv", "if-none-match": "*", "content-length": "1" });
  });

  it("sends a part's copy with its range and condition", async () => {
    refusal = { status: 200, type: "application/xml", body: '<CopyPartResult><ETag>"p1"</ETag></CopyPartResult>' };
    const source = { bucket: "in", key: "k", etag: '"e"', range: { from: 5, to: 9 } };

    const part = await ports.store.uploadPartCopy({ bucket: "data", key: "a" }, "up", 7, source);

    expect(part).toMatchObject({ partNumber: 7, etag: '"p1"' });
    expect(asked.headers).toMatchObject({
      "x-amz-copy-source": "in/k",
      "x-amz-copy-source-range": "bytes=5-8",
      "x-amz-copy-source-if-match": '"e"',
    });
    expect(asked.url).toContain("partNumber=7");
  });

  it("sends the parts of an upload, and reads a list", async () => {
    refusal = { status: 200, type: "application/xml", body: "<X><ETag>&quot;whole&quot;</ETag></X>" };
    const done = await ports.store.completeUpload({ bucket: "data", key: "a" }, "up", [
      { partNumber: 1, etag: '"p1"' },
    ]);
    const completed = asked.body;
    const entry = "<Contents><Key>o/b</Key><Size>3</Size><ETag>&quot;e&quot;</ETag></Contents>";
    refusal = { ...refusal, body: `<ListBucketResult><IsTruncated>false</IsTruncated>${entry}</ListBucketResult>` };

    const page = await ports.store.list("data", "o/");

    expect(done).toEqual({ etag: '"whole"' });
    expect(completed).toMatch(/<Part><ETag>.*p1.*<\/ETag><PartNumber>1<\/PartNumber><\/Part>/);
    expect(page.objects).toMatchObject([{ bucket: "data", key: "o/b", size: 3, etag: '"e"' }]);
    expect(asked.url).toContain("prefix=o%2F");
  });

  it("signs links", async () => {
    const link = await ports.store.presignGet({ bucket: "data", key: "o/a b.csv" }, { expiresIn: 60 });

    expect(new URL(link).searchParams.get("X-Amz-Expires")).toBe("60");
  });
});

async function adaptersOnDiet() {
  const outfile = join(mkdtempSync(join(tmpdir(), "jobjob-diet-")), "adapters.mjs");
  await esbuild.build({
    stdin: {
      resolveDir: ROOT,
      contents: `
        import { DynamoTable } from "./adapters/dynamodb/index.ts";
        import { S3ObjectStore } from "./adapters/s3/index.ts";
        import { StepFunctionsWorkflow } from "./adapters/step-functions/index.ts";
        export const table = new DynamoTable({ name: "facts" });
        export const store = new S3ObjectStore();
        export const workflow = new StepFunctionsWorkflow({ stateMachineArn: "arn:aws:states:eu-central-1:123456789012:stateMachine:m" });
      `,
    },
    outfile,
    ...FORMAT,
  });
  return import(pathToFileURL(outfile).href);
}
