import { findBlock, resultFormat } from "../../apps/catalog.ts";
import { findTemplate, templates } from "../../apps/templates.ts";
import type { Catalog } from "../../core/job/catalog.ts";

/** What comes with JobJob. */
export const builtInCatalog: Catalog = {
  templates,
  findTemplate,
  findPartitioner: (name) => findBlock("partitioner", name),
  findApp: (name) => findBlock("app", name),
  findAssembler: (name) => findBlock("assembler", name),
  resultFormat,
};
