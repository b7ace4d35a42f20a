import * as z from "zod";
import { type AnyBlock, defineApp, PermanentError } from "../../../runtime/node/contract.ts";

const only = z.object({
  on: z.array(z.number()).default([]),
  bytes: z.number().default(0),
  ms: z.number().default(2 ** 30),
});
type Only = z.output<typeof only>;

/** Does something bad on the tasks `on`, and echoes the chunk on the others. */
const bad = (what: (params: Only) => unknown) =>
  defineApp<Only>({
    params: only,
    async run(chunk, { params, task }) {
      if (params.on.includes(task.ordinal)) return await what(params);
      return chunk.text();
    },
  });

const later = (ms: number) => new Promise((done) => setTimeout(done, ms));

const prints = z.object({
  lines: z.number().default(1),
  width: z.number().default(0),
  waitMs: z.number().default(0),
  fails: z.boolean().default(false),
});

const apps: Record<string, AnyBlock> = {
  /** Prints in every way there is. */
  speaks: defineApp({
    async run(chunk, { log }) {
      console.debug("debugging %d", chunk.index);
      console.log("two\nlines");
      console.warn("careful", { a: 1 });
      console.error("oh no");
      process.stdout.write("a piece, ");
      process.stdout.write("its end\nno newline");
      process.stderr.write(Buffer.from("raw \u00e9\n"));
      log.info("found", { rows: 3 });
      return chunk.text();
    },
  }),
  /** Prints so many lines, waits, and says that it's done. */
  prints: defineApp<z.output<typeof prints>>({
    params: prints,
    async run(chunk, { params }) {
      for (let i = 0; i < params.lines; i++) console.log(`line ${i} ${"x".repeat(params.width)}`);
      await later(params.waitMs);
      if (params.waitMs > 0) console.log("done");
      if (params.fails) throw new PermanentError("no use");
      return chunk.text();
    },
  }),
  /** Writes on behind its own end, and waits for nobody. */
  writes_on: defineApp({
    async run(chunk, { results }) {
      for (const ms of [0, 1, 5]) setTimeout(() => void results.write(`late-${ms}`, "x".repeat(100_000)), ms);
      return chunk.text();
    },
  }),
  speaks_last: bad(() => {
    console.log("last words");
    process.exit(3);
  }),
  hangs: bad(() => {
    for (;;);
  }),
  waits: bad(() => new Promise(() => undefined)),
  exits: bad(() => process.exit(3)),
  fills: bad(() => {
    const hoard: string[][] = [];
    for (;;) hoard.push(Array.from({ length: 10_000 }, (_, i) => `row ${i} of ${hoard.length}`));
  }),
  throws: bad(() => {
    throw new TypeError(`no such thing ${"x".repeat(2_000)}`);
  }),
  gives_up: bad(() => {
    throw new PermanentError("never works", { code: "NO_USE", details: { why: "test" } });
  }),
  throws_later: bad(async () => {
    setTimeout(() => {
      throw new Error("out of reach");
    }, 1);
    await later(10_000);
  }),
  slow: defineApp({
    async run(chunk) {
      await later(60);
      return chunk.text();
    },
  }),
  /** 60 ms a task; those of `on` take `ms`, or never end. */
  slow_waits: defineApp<Only>({
    params: only,
    async run(chunk, { params, task }) {
      await later(params.on.includes(task.ordinal) ? params.ms : 60);
      return chunk.text();
    },
  }),
  listens: defineApp({
    run: (_chunk, { signal }) =>
      new Promise((done) => {
        signal.addEventListener("abort", () => done("heard"));
      }),
  }),
  rejects: defineApp({
    async run(chunk, { reject }) {
      const kept: string[] = [];
      for await (const line of chunk.lines()) {
        if (line.startsWith("!")) reject(line, "begins with !");
        else kept.push(line);
      }
      return `${kept.join("|")}\n`;
    },
  }),
  /** Writes `bytes` bytes, in pieces, and a small file beside them. */
  writes: defineApp<Only>({
    params: only,
    async run(chunk, { params, results }) {
      async function* pieces() {
        for (let left = params.bytes; left > 0; left -= 100_000)
          yield Buffer.alloc(Math.min(left, 100_000), 97 + chunk.index);
      }
      await results.write("big.bin", pieces());
      await results.write("small.txt", `small ${chunk.index}`);
    },
  }),
  /** Looks at the first line only. */
  peeks: defineApp({
    async run(chunk) {
      for await (const line of chunk.lines()) return `${line}\n`;
      return undefined;
    },
  }),
  /** Opens all objects, then reads them from the last to the first. */
  juggles: defineApp({
    async run({ objects }) {
      const opened = objects.map((object) => object.bytes()[Symbol.asyncIterator]());
      const sizes = (await Promise.all(opened.map((reader) => reader.next()))).map(({ value }) => value.length);
      for (const [i, reader] of [...opened.entries()].reverse()) {
        for (let next = await reader.next(); !next.done; next = await reader.next()) sizes[i] += next.value.length;
      }
      return sizes;
    },
  }),
  info: defineApp({
    run: (chunk, { task }) => ({ ...task, size: chunk.size, source: chunk.source, numbers: [...chunk.numbers()] }),
  }),
  /** A record whose field is named after the task. */
  differs: defineApp({ run: (_chunk, { task }) => [{ [`c${task.ordinal}`]: 1 }] }),
  files: defineApp({
    async run(chunk) {
      const { readFile } = await import("node:fs/promises");
      const path = await chunk.file();
      return [path, (await readFile(path)).length, (await chunk.text().catch(() => "")).length];
    },
  }),
};

export function testApp(name: string): AnyBlock | undefined {
  if (name === "speaks") console.log("its module loads");
  return Object.hasOwn(apps, name) ? apps[name] : undefined;
}
