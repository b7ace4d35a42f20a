import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { fetchResults } from "../../cli/fetch-results.ts";
import { JobJobClient } from "../../client/index.ts";
import { SIGN_IN, serve, token } from "../helpers/api-server.ts";
import { cliWorld } from "../helpers/cli-world.ts";

/** The files that a job's results of these names make at `path`. */
async function fetched(names: readonly string[]) {
  const server = await serve(({ path }) => {
    if (path === SIGN_IN) return token();
    if (path.startsWith("/file/")) return { body: Buffer.from(path.slice("/file/".length)) };
    const results = names.map((name) => ({
      name,
      link: `${server.url}/file/${name}`,
      size: name.length,
      checksum: null,
    }));
    return { body: { results, nextPage: null } };
  });
  await using world = await cliWorld();
  try {
    const client = new JobJobClient({ url: server.url, apiKey: "k" });
    const output = { kind: "local", path: join(world.folder, "good.csv"), given: "good.csv", isFolder: false } as const;
    await fetchResults(world.cli, client.results("J"), output, false);
    const files = await readdir(world.folder, { recursive: true, withFileTypes: true });
    const read = files
      .filter((file) => file.isFile())
      .map(async (file) => {
        const path = join(file.parentPath, file.name);
        return [path.slice(world.folder.length + 1), await readFile(path, "utf8")];
      });
    return Object.fromEntries(await Promise.all(read));
  } finally {
    await server[Symbol.asyncDispose]();
  }
}

test("one result is the file that was asked for; the report of what it misses lies beside it", async () => {
  expect(await fetched(["a.csv"])).toEqual({ "good.csv": "a.csv" });
  expect(await fetched(["a.csv", "a.csv.incomplete.ndjson"])).toEqual({
    "good.csv": "a.csv",
    "good.csv.incomplete.ndjson": "a.csv.incomplete.ndjson",
  });
});

test("several are a folder, with their report in it", async () => {
  expect(await fetched(["a.csv", "b.csv"])).toEqual({ "good.csv/a.csv": "a.csv", "good.csv/b.csv": "b.csv" });
  expect(await fetched(["0_a.csv", "_incomplete.ndjson"])).toEqual({
    "good.csv/0_a.csv": "0_a.csv",
    "good.csv/_incomplete.ndjson": "_incomplete.ndjson",
  });
});
