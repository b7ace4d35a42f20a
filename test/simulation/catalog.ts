/** Blocks of the simulation's own: an app whose work is known to the checks, over the built-in partitioners and assemblers. */
import * as z from "zod";
import { assemblers } from "../../apps/assemblers/index.ts";
import { concatEngine } from "../../apps/assemblers/joined.ts";
import { partitioners } from "../../apps/partitioners/index.ts";
import type { AppInfo, TemplateInfo } from "../../core/contracts/blocks.ts";
import type { Catalog } from "../../core/job/catalog.ts";
import type { AssemblerEngines } from "../../core/merge/index.ts";

/** One app per declared task time: it decides how many tasks make a batch (180 s of work). */
export const BATCH_SIZES = [1, 2, 3] as const;
const apps: readonly AppInfo[] = BATCH_SIZES.map((size) => ({
  kind: "app",
  name: `work-by-${size}`,
  version: "1.0",
  description: "Gives its records back, in capitals.",
  params: z.strictObject({}),
  taskSeconds: 180 / size,
  accepts: ["records", "bytes", "objects", "nothing"],
  produces: "bytes",
}));

const templates: readonly TemplateInfo[] = apps.flatMap(({ name }) =>
  ["range", "lines"].flatMap((partitioner) =>
    ["concat", "passthrough"].map((assembler) => ({
      id: `${name}-${partitioner}-${assembler}`,
      description: "simulated",
      app: name,
      partitioner,
      assembler,
      params: {},
    })),
  ),
);

export const CATALOG: Catalog = {
  templates,
  findTemplate: (id) => templates.find((one) => one.id === id),
  findPartitioner: (name) => partitioners.find((one) => one.name === name),
  findApp: (name) => apps.find((one) => one.name === name),
  findAssembler: (name) => assemblers.find((one) => one.name === name),
  resultFormat: () => "bytes",
};

const ENGINES = { concat: concatEngine, passthrough: { shape: "each" } } as const;
export const engines: AssemblerEngines = Object.fromEntries(
  assemblers.flatMap((info) => {
    const engine = info.name === "concat" || info.name === "passthrough" ? ENGINES[info.name] : undefined;
    return engine ? [[info.name, { info, engine }]] : [];
  }),
);
