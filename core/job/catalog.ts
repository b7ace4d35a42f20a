import type { AppInfo, AssemblerInfo, PartitionerInfo, TemplateInfo } from "../contracts/blocks.ts";
import type { InputFormat } from "../contracts/parts.ts";
import type { ResultFormat } from "../contracts/worker.ts";

/** What can be run: a port, since core imports no app. The built-in ones come from apps/catalog.ts and apps/templates.ts. */
export interface Catalog {
  readonly templates: readonly TemplateInfo[];
  findTemplate(id: string): TemplateInfo | undefined;
  findPartitioner(name: string): PartitionerInfo | undefined;
  findApp(name: string): AppInfo | undefined;
  findAssembler(name: string): AssemblerInfo | undefined;
  /** @throws InvalidInputError BLOCKS_DONT_FIT */
  resultFormat(app: AppInfo, assembler: AssemblerInfo, input: InputFormat): ResultFormat;
}

/** A built-in block's revision never changes within its version. */
export const BUILT_IN_REVISION = 1;
/** Built-in templates belong to the deployment itself. */
export const BUILT_IN_OWNER = "jobjob";
