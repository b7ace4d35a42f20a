import { mkdir, stat } from "node:fs/promises";
import { join } from "node:path";
import type { ResultRecord } from "../client/client.ts";
import { downloadResult, eachOf, resultPath, TransferError } from "../client/index.ts";
import type { Cli } from "./context.ts";
import { humanBytes } from "./human.ts";
import { type Output, outputExists } from "./places.ts";

export interface Fetched {
  readonly name: string;
  readonly path: string;
  readonly size: number;
}

/** Files at a time. */
const WIDTH = 4;

/**
 * Downloads results below a folder, or the one result as the file.
 * @throws CliError OUTPUT_EXISTS, TransferError
 */
export async function fetchResults(
  cli: Cli,
  source: AsyncIterable<ResultRecord>,
  output: Extract<Output, { kind: "local" }>,
  overwrite: boolean,
): Promise<readonly Fetched[]> {
  const results: ResultRecord[] = [];
  for await (const result of source) results.push(result);
  const isFile = !output.isFolder && isOneOutput(results);
  if (!isFile) await mkdir(output.path, { recursive: true });
  const { wanted, unsafe } = await targets(results, output.path, isFile, overwrite);
  let bytes = 0;
  const all = wanted.reduce((sum, { size }) => sum + size, 0);
  await eachOf(wanted, WIDTH, async ({ result, path }) => {
    await downloadResult(result, path, (more) => {
      bytes += more;
      if (cli.terminal.isLive) cli.terminal.live(`downloading ${humanBytes(bytes)} of ${humanBytes(all)}`);
    });
  });
  cli.terminal.live("");
  const first = unsafe[0];
  if (first) throw first;
  return wanted.map(({ result, path }) => ({ name: result.name, path, size: result.size }));
}

/** What the report of what is missing adds to the name of the one output (docs/guide/results.md). */
const REPORT = ".incomplete.ndjson";
const isOneOutput = ([first, second, ...more]: readonly ResultRecord[]): boolean =>
  first !== undefined && more.length === 0 && (second === undefined || second.name === first.name + REPORT);

/** Looked at before the first byte comes. */
async function targets(results: readonly ResultRecord[], path: string, isFile: boolean, overwrite: boolean) {
  const wanted: { readonly result: ResultRecord; readonly path: string; readonly size: number }[] = [];
  const unsafe: TransferError[] = [];
  for (const result of results) {
    try {
      // The report of what is missing lies beside the one output.
      const beside = isFile && result !== results[0] ? REPORT : "";
      const target = isFile ? join(path) + beside : resultPath(path, result.name);
      if (!overwrite && (await stat(target).catch(() => undefined))) throw outputExists(target);
      wanted.push({ result, path: target, size: result.size });
    } catch (error) {
      if (!(error instanceof TransferError)) throw error;
      unsafe.push(error);
    }
  }
  return { wanted, unsafe };
}
