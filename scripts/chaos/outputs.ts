/** What a job has written, beside what it had to write. */
import type { JobJobClient } from "../../client/index.ts";
import type { ObjectStore } from "../../core/ports/index.ts";

/** Where a job delivers to: a folder of the granted bucket, or the temporary bucket behind links. */
export interface Target {
  readonly bucket: string;
  readonly folder: string | null;
}

const MANIFEST = "_manifest.json";

/** @returns the first difference in words, or undefined */
export async function differenceOfOutputs(
  ports: { readonly client: JobJobClient; readonly objects: ObjectStore },
  jobId: string,
  target: Target,
  expected: ReadonlyMap<string, string>,
): Promise<string | undefined> {
  const found = target.folder === null ? await linked(ports.client, jobId) : await inFolder(ports.objects, target);
  const manifest = found.get(MANIFEST);
  found.delete(MANIFEST);
  const extra = [...found.keys()].find((name) => !expected.has(name));
  if (extra !== undefined) return `there is an output ${extra} that nothing explains`;
  for (const [name, text] of expected) {
    const bytes = found.get(name);
    if (!bytes) return `the output ${name} is missing`;
    if (!bytes.equals(Buffer.from(text))) return `the output ${name} ${firstDifference(bytes.toString(), text)}`;
  }
  if (target.folder === null || expected.size === 1) return undefined;
  return manifest ? differenceOfManifest(manifest.toString(), expected) : `there is no ${MANIFEST}`;
}

function firstDifference(text: string, wanted: string): string {
  const [lines, other] = [text.split("\n"), wanted.split("\n")];
  const at = other.findIndex((line, i) => line !== lines[i]);
  if (at < 0) return `has ${lines.length} lines and should have ${other.length}`;
  return `is ${JSON.stringify(lines[at])} in line ${at + 1} and should be ${JSON.stringify(other[at])}`;
}

function differenceOfManifest(text: string, expected: ReadonlyMap<string, string>): string | undefined {
  const { objects, complete } = JSON.parse(text) as { objects: { name: string; size: number }[]; complete: boolean };
  if (complete === false) return `${MANIFEST} says that the delivery isn't complete`;
  const sizes = new Map(objects.map(({ name, size }) => [name, size]));
  const wrong = [...expected].find(([name, content]) => sizes.get(name) !== Buffer.byteLength(content));
  if (wrong) return `${MANIFEST} says ${sizes.get(wrong[0]) ?? "nothing"} of ${wrong[0]}`;
  return sizes.size === expected.size ? undefined : `${MANIFEST} lists ${sizes.size} objects, not ${expected.size}`;
}

async function linked(client: JobJobClient, jobId: string): Promise<Map<string, Buffer>> {
  const found = new Map<string, Buffer>();
  for await (const { name, link } of client.results(jobId)) {
    const answer = await fetch(link);
    if (!answer.ok) throw new Error(`The link of ${name} answers ${answer.status}.`);
    found.set(name, Buffer.from(await answer.arrayBuffer()));
  }
  return found;
}

async function inFolder(objects: ObjectStore, { bucket, folder }: Target): Promise<Map<string, Buffer>> {
  const found = new Map<string, Buffer>();
  for (const { key } of await listed(objects, bucket, folder ?? "")) {
    found.set(key.slice(folder?.length ?? 0), Buffer.from(await objects.get({ bucket, key })));
  }
  return found;
}

/** Name and version of everything at a job's destination: after CANCELED nothing of it may change. */
export async function fingerprintOf(objects: ObjectStore, { bucket, folder }: Target): Promise<string> {
  if (folder === null) return "";
  return (await listed(objects, bucket, folder)).map(({ key, etag }) => `${key} ${etag}`).join("\n");
}

async function listed(objects: ObjectStore, bucket: string, prefix: string) {
  const found: { key: string; etag: string }[] = [];
  let cursor: string | undefined;
  do {
    const page = await objects.list(bucket, prefix, cursor === undefined ? {} : { cursor });
    found.push(...page.objects);
    cursor = page.cursor;
  } while (cursor !== undefined);
  return found;
}
