import * as z from "zod";
import { blocks } from "../../apps/catalog.ts";
import { templates } from "../../apps/templates.ts";
import { DEFAULT_CONFIG } from "../../core/contracts/api/config.ts";
import type { Block } from "../../core/contracts/blocks.ts";
import { CONFIG_NOTES } from "./config-notes.ts";
import { BLOCK_EXAMPLES, commandOf } from "./examples.ts";
import { code, type Row, table, text } from "./markdown.ts";
import { notesOf } from "./param-notes.ts";

/** As much of JSON Schema as the params of the built-in blocks need. */
const property: z.ZodType<Property> = z.lazy(() =>
  z.object({
    type: z.string().optional(),
    enum: z.array(z.string()).optional(),
    anyOf: z.array(property).optional(),
    items: property.optional(),
    minimum: z.number().optional(),
    maximum: z.number().optional(),
    maxItems: z.number().optional(),
    default: z.unknown().optional(),
  }),
);
interface Property {
  readonly type?: string | undefined;
  readonly enum?: readonly string[] | undefined;
  readonly anyOf?: readonly Property[] | undefined;
  readonly items?: Property | undefined;
  readonly minimum?: number | undefined;
  readonly maximum?: number | undefined;
  readonly maxItems?: number | undefined;
  readonly default?: unknown;
}
const objectSchema = z.object({
  properties: z.record(z.string(), property),
  required: z.array(z.string()).default([]),
});

function typeOf(schema: Property): string {
  if (schema.enum) return schema.enum.map(code).join(" or ");
  if (schema.anyOf) return schema.anyOf.map(typeOf).join(" or ");
  if (schema.type === "array")
    return `array of ${schema.items ? typeOf(schema.items) : "values"}${schema.maxItems === undefined ? "" : `, at most ${schema.maxItems}`}`;
  if (schema.type === "string") return "text";
  if (schema.type === "boolean") return "true or false";
  if (schema.type !== "integer") return schema.type ?? "any";
  const { minimum = Number.MIN_SAFE_INTEGER, maximum = Number.MAX_SAFE_INTEGER } = schema;
  const most = maximum === Number.MAX_SAFE_INTEGER ? "or more" : `to ${maximum.toLocaleString("en-US")}`;
  return `whole number, ${minimum} ${most}`;
}

function paramRows(block: Block): Row[] {
  const { properties, required } = objectSchema.parse(
    z.toJSONSchema(block.params, { io: "input", unrepresentable: "any" }),
  );
  const notes = notesOf(block, Object.keys(properties));
  return Object.entries(properties).map(([name, schema]) => {
    const note = notes[name];
    const schemas = schema.default === undefined ? undefined : code(JSON.stringify(schema.default));
    const without = required.includes(name) ? "**needed**" : (schemas ?? note?.without);
    if (!note || without === undefined)
      throw new Error(`Say in scripts/docs/param-notes.ts what holds without ${name} of ${block.name}.`);
    return [code(name), note.type ?? typeOf(schema), without, note.meaning];
  });
}

/** Two names of one block have one description. */
const aliasesOf = (block: Block): readonly Block[] =>
  blocks.filter(({ kind, description }) => kind === block.kind && description === block.description);

function section(block: Block): string {
  const [, ...aliases] = aliasesOf(block).map(({ name }) => code(name));
  const rows = paramRows(block);
  const example = BLOCK_EXAMPLES[`${block.kind} ${block.name}`];
  const used = templates.filter((template) => template[block.kind] === block.name).map(({ id }) => code(id));
  return [
    `### ${block.name}`,
    `${text(block.description)}${aliases.length > 0 ? ` Also called ${aliases.join(", ")}.` : ""}`,
    used.length > 0 ? `In the templates ${used.join(", ")}.` : "No built-in template uses it.",
    rows.length === 0 ? "No params." : table(["param", "type", "without it", "what"], rows),
    ...(example ? [`Example: \`"${block.kind}": ${JSON.stringify(example)}\``] : []),
  ].join("\n\n");
}

const sections = (kind: Block["kind"]): string =>
  blocks
    .filter((block) => block.kind === kind && aliasesOf(block)[0] === block)
    .map(section)
    .join("\n\n");

function templateSection(): string {
  return templates
    .map(({ id, description, partitioner, app, assembler }) => {
      const command = commandOf(id);
      if (command === undefined) throw new Error(`Give an example of the template ${id} in scripts/docs/examples.ts.`);
      return `### ${id}\n\n${text(description)}\n\n${code(partitioner)} → ${code(app)} → ${code(assembler)}\n\n\`\`\`sh\n${command}\n\`\`\``;
    })
    .join("\n\n");
}

function configTable(): string {
  const defaults: Readonly<Record<string, unknown>> = {
    ...DEFAULT_CONFIG,
    ...Object.fromEntries(Object.entries(DEFAULT_CONFIG.retryBackoff).map(([k, v]) => [`retryBackoff.${k}`, v])),
  };
  const rows = Object.entries(CONFIG_NOTES).map(([name, note]) => [
    code(name),
    code(JSON.stringify(defaults[name])),
    note,
  ]);
  return table(["field", "default", "what"], rows);
}

/** docs/guide/building-blocks.md, printed from apps/ and the schemas of the params. */
export function blocksPage(): string {
  return `# Building blocks
<!-- Printed from apps/ by scripts/docs.ts; don't edit. -->

A job cuts its source into chunks (partitioner), runs an app on each chunk, and joins the results (assembler). A **template** names such a combination; every job is made from one. \`jobjob template list\` shows them. Combinations and apps of your own are not available yet.

Params go to the three blocks by name. These are the same:

\`\`\`sh
-p partitioner.chunks=8 -p app.by=state -p assembler.name=states.csv
\`\`\`
\`\`\`json
{"params": {"partitioner": {"chunks": 8}, "app": {"by": "state"}, "assembler": {"name": "states.csv"}}}
\`\`\`

On the command line a value that is JSON is taken as JSON, anything else as text; text that looks like a number needs quotes: \`-p 'partitioner.range="7"'\`. A param that a block doesn't know, or of a wrong type, is refused before anything starts, with its path.

[Templates](#templates) · [Partitioners](#partitioners) · [Apps](#apps) · [Assemblers](#assemblers) · [Conditions](#conditions) · [Config of a job](#config-of-a-job)

## Templates

${templateSection()}

## Partitioners

\`csv\`, \`ndjson\` and \`lines\` never cut a record in two. They read UTF-8 text; gzip is recognized and unpacked first. Several source objects are cut one by one, in the byte order of their keys.

${sections("partitioner")}

## Apps

${sections("app")}

## Assemblers

All of them keep the order of the input, whichever task ends first. \`concat\`, \`zip\` and \`passthrough\` take any results; of an app that gives records they get CSV files with a header (NDJSON files where the input is NDJSON).

${sections("assembler")}

## Conditions

What \`select\` takes as \`where\`. Data, never code:

| condition | keeps a record when |
| --- | --- |
| \`{"state": "CA"}\` | the column equals the value |
| \`{"state": ["CA", "NV"]}\` | it is one of the list |
| \`{"state": "CA", "year": 2020}\` | both hold |
| \`{"column": "year", "op": "ge", "value": 2020}\` | the comparison holds: \`eq\` \`ne\` \`lt\` \`le\` \`gt\` \`ge\` \`in\` \`contains\` \`startsWith\` \`endsWith\` \`exists\` |
| \`{"all": […]}\`, \`{"any": […]}\`, \`{"not": …}\` | all, any, not |

A number as value compares numerically and exactly (\`10.0\` equals 10); a cell that is no number then fails every comparison but \`ne\`. Text compares by its UTF-8 bytes (\`"9"\` is greater than \`"10"\`). An empty cell and a missing member are \`""\`.

## Config of a job

\`-c name=value\` on the command line (\`-c retryBackoff.initialMs=5000\`), \`config\` in the API. What \`run\` is given wins over what \`create\` was given.

${configTable()}
`;
}
