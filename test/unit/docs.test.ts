import { readFile } from "node:fs/promises";
import { expect, it } from "vitest";
import { findBlock } from "../../apps/catalog.ts";
import { findTemplate, templates } from "../../apps/templates.ts";
import { parseAssignments } from "../../cli/assignments.ts";
import { configInput } from "../../core/contracts/api/config.ts";
import type { Block } from "../../core/contracts/blocks.ts";
import { blocksPage } from "../../scripts/docs/blocks-page.ts";
import { errorCodes } from "../../scripts/docs/error-codes.ts";
import { eventsPage } from "../../scripts/docs/events-page.ts";
import { BLOCK_EXAMPLES, TEMPLATE_EXAMPLES } from "../../scripts/docs/examples.ts";
import { statesPage } from "../../scripts/docs/states-page.ts";

const codesOfSource = errorCodes();
const KINDS = ["partitioner", "app", "assembler"] as const;

it.each([
  ["states", "core/states", statesPage],
  ["building-blocks", "apps/", blocksPage],
  ["events", "core/contracts/events.ts", eventsPage],
] as const)("docs/guide/%s.md is what %s says (npx tsx scripts/docs.ts writes it)", async (name, _of, make) => {
  const page = await readFile(`docs/guide/${name}.md`, "utf8");

  expect(page).toBe(make());
});

it("every template has an example, and its params and config are taken", () => {
  expect(Object.keys(TEMPLATE_EXAMPLES).sort()).toEqual(templates.map(({ id }) => id).sort());

  for (const [id, args] of Object.entries(TEMPLATE_EXAMPLES)) {
    const valuesOf = (option: string) => args.filter((_, i) => args[i - 1] === option);
    const params = parseAssignments("--param", valuesOf("-p"), KINDS);
    if (valuesOf("--chunks").length > 0) params.partitioner = { chunks: Number(valuesOf("--chunks")[0]) };
    const problems = KINDS.map((kind) => {
      const block: Block | undefined = findBlock(kind, findTemplate(id)?.[kind] ?? "");
      return block?.params.safeParse(params[kind] ?? {}).error?.message;
    });

    expect({ id, problems }).toEqual({ id, problems: [undefined, undefined, undefined] });
    expect(configInput.safeParse(parseAssignments("--config", valuesOf("-c"))).error).toBeUndefined();
  }
});

it("every example of a block is taken by it", () => {
  for (const [key, example] of Object.entries(BLOCK_EXAMPLES)) {
    const [kind, name = ""] = key.split(" ");
    const block: Block | undefined = findBlock(kind as Block["kind"], name);

    expect({ key, error: block ? block.params.safeParse(example).error : "no such block" }).toEqual({ key });
  }
});

it("docs/guide/failures.md has one row for each error code of the source, and none for others", async () => {
  const page = await readFile("docs/guide/failures.md", "utf8");
  const codes = page.slice(page.indexOf("\n## Codes\n"));
  const rows = [...codes.matchAll(/^\| `([A-Z0-9_]+)` \|/gm)].map(([, code]) => code).sort();

  const known = [...(await codesOfSource).keys()];

  expect(rows).toEqual(known);
});

it("finds codes in each place where the source gives one", async () => {
  const found = await codesOfSource;

  // A literal, a conditional, a default, a conflict(), an ApiError, an argument of a helper, the gateway's refuse().
  for (const code of ["TASK_TIMEOUT", "PAYLOAD_TOO_LARGE", "INTERNAL", "JOB_ENDED", "NOT_FOUND", "SOURCE_MISSING"])
    expect(found.has(code), code).toBe(true);
  expect(found.get("UNAUTHENTICATED")).toEqual(["cdk/api.ts"]);
  // A state; a log event; an environment variable.
  for (const word of ["TASKS_COMPLETED", "STEP_ENDED", "JOBJOB_BUCKET"]) expect(found.has(word), word).toBe(false);
});
