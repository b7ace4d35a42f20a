import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import * as zlib from "node:zlib";
import * as fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { downloadResult, JobJobClient, resultPath, TransferError, uploadFiles } from "../../client/index.ts";
import { SIGN_IN, serve, serveApi, token } from "../helpers/api-server.ts";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "jobjob-transfer-"));
});
afterEach(() => rm(folder, { recursive: true }));

describe("names of results", () => {
  it.each(["../x", "a/../../x", "/etc/passwd", "a//b", "", ".", "a/.", "a\\b", "a\0b", "a/"])("refuses %j", (name) => {
    expect(() => resultPath("/out", name)).toThrow(TransferError);
  });

  it("keeps whatever it accepts below the folder", () => {
    const piece = fc.constantFrom("a", "..", ".", "", "b c", "😀", "\\", "\0", "...", "C:");
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 6 }), (pieces) => {
        let path: string;
        try {
          path = resultPath("/out/folder", pieces.join("/"));
        } catch (error) {
          expect(error).toBeInstanceOf(TransferError);
          return;
        }
        expect(relative("/out/folder", path)).not.toMatch(/^\.\.(\/|$)|^$|^\//);
      }),
    );
  });
});

describe("downloads", () => {
  const body = Buffer.from("0123456789".repeat(1_000));
  const checksum = `crc32:${zlib.crc32(body).toString(16).padStart(8, "0")}`;
  const result = (link: string, more: object = {}) => ({ name: "a/b.csv", link, size: body.length, checksum, ...more });

  it("appear under their name when they are whole", async () => {
    await using server = await serve(() => ({ body }));
    const path = join(folder, "deep", "er", "b.csv");
    await downloadResult(result(server.url), path);
    expect(await readFile(path)).toEqual(body);
    expect(await readdir(join(folder, "deep", "er"))).toEqual(["b.csv"]);
  });

  it.each([
    ["a damaged body", { checksum: "crc32:00000000" }, /should have/],
    ["a short body", { size: body.length + 1, checksum: null }, /should have 10001/],
  ])("leave nothing behind for %s, and keep what was there", async (_what, more, message) => {
    await using server = await serve(() => ({ body }));
    const path = join(folder, "b.csv");
    await writeFile(path, "before");
    await expect(
      downloadResult(result(server.url, more), path, undefined, { attempts: 2, firstMs: 1, mostMs: 1 }),
    ).rejects.toThrow(message);
    expect(server.asked).toHaveLength(2);
    expect(await readdir(folder)).toEqual(["b.csv"]);
    expect(await readFile(path, "utf8")).toBe("before");
  });

  it("of a result that shares its object ask for its range alone", async () => {
    await using server = await serve(({ headers }) =>
      headers.range === "bytes=10-19" ? { status: 206, body: body.subarray(10, 20) } : { body },
    );
    const checksum = `crc32:${zlib.crc32(body.subarray(10, 20)).toString(16).padStart(8, "0")}`;
    await downloadResult(result(server.url, { size: 10, checksum, range: "bytes=10-19" }), join(folder, "z"));
    expect(await readFile(join(folder, "z"), "utf8")).toBe("0123456789");
  });

  it("come again after a fault, and not after a refusal", async () => {
    let calls = 0;
    await using flaky = await serve(() => (++calls === 1 ? { status: 503 } : calls === 2 ? null : { body }));
    await downloadResult(result(flaky.url), join(folder, "x"), undefined, { attempts: 3, firstMs: 1, mostMs: 1 });
    expect(await readFile(join(folder, "x"))).toEqual(body);

    await using expired = await serve(() => ({ status: 403 }));
    await expect(downloadResult(result(expired.url), join(folder, "y"))).rejects.toThrow(
      /answered 403; links live an hour/,
    );
    expect(expired.asked).toHaveLength(1);
  });
});

describe("uploads", () => {
  it("bring one file to the job's tempUrl, and a folder under its names", async () => {
    await using api = await serveApi();
    const client = new JobJobClient({ url: api.url, apiKey: api.apiKey });
    await mkdir(join(folder, "sub"));
    await writeFile(join(folder, "one.csv"), "a\n1\n");
    await writeFile(join(folder, "sub", "empty ü+%2F.txt"), "");
    const one = { name: "one.csv", path: join(folder, "one.csv"), size: 4 };
    const two = { name: "sub/empty ü+%2F.txt", path: join(folder, "sub", "empty ü+%2F.txt"), size: 0 };
    const draft = { templateId: "csv-echo", dataSource: { dataSourceDescriptor: "file", params: { name: "one.csv" } } };

    const single = (await client.create(draft)).job;
    await uploadFiles(client, single, [one]);
    const both = (await client.create(draft)).job;
    await uploadFiles(client, both, [one, two]);
    await client.run(single.id);
    await client.run(both.id);

    expect((await client.get(single.id)).job).toMatchObject({ state: "JOB_STATE_STARTED", waitingFor: null });
    expect((await client.get(both.id)).job).toMatchObject({ state: "JOB_STATE_STARTED", waitingFor: null });
  });

  it("sends big files in parts, each again when it fails, and ends them with their ETags", async () => {
    const bytes = Buffer.from(Array.from({ length: 25 }, (_, i) => i));
    await writeFile(join(folder, "big"), bytes);
    const parts = new Map<string, Buffer>();
    let failures = 0;
    await using server = await serve(({ path, method, body }) => {
      if (path === SIGN_IN) return token();
      if (method === "PUT") {
        if (path === "/part/2" && failures++ === 0) return { status: 500 };
        parts.set(path, body);
        return { headers: { etag: `"e${path.slice(6)}"` } };
      }
      if (path.endsWith("/uploads") && JSON.parse(body.toString()).files) {
        const links = [1, 2, 3].map((partNumber) => ({ partNumber, url: `${server.url}/part/${partNumber}` }));
        return { body: { uploads: [{ name: "big", url: null, uploadId: "U", partSize: 10, parts: links }] } };
      }
      return { body: { ok: true, uploads: [] } };
    });
    const client = new JobJobClient({ url: server.url, apiKey: "k" });
    const seen: number[] = [];

    await uploadFiles(client, { id: "J", dataSource: null }, [{ name: "big", path: join(folder, "big"), size: 25 }], {
      onBytes: (sent) => seen.push(sent),
    });

    expect(Buffer.concat([1, 2, 3].map((n) => parts.get(`/part/${n}`) ?? Buffer.alloc(0)))).toEqual(bytes);
    const bodies = server.asked
      .filter(({ path }) => path.endsWith("/uploads"))
      .map(({ body }) => JSON.parse(body.toString()));
    const [complete] = bodies[1].complete;
    expect({
      ...complete,
      parts: complete.parts.sort((a: { partNumber: number }, b: { partNumber: number }) => a.partNumber - b.partNumber),
    }).toEqual({
      name: "big",
      uploadId: "U",
      parts: [1, 2, 3].map((partNumber) => ({ partNumber, etag: `"e${partNumber}"` })),
    });
    expect(server.asked.at(-1)?.path).toBe("/v1/customer/jobs/J/uploadcompleted");
    expect(seen.at(-1)).toBe(25);
  });
});
