/** All built-in blocks: names, versions and params. No code of theirs: the API's bundle holds this file. */
import type { AppInfo, AssemblerInfo, Block, PartitionerInfo } from "../core/contracts/blocks.ts";
import type { InputFormat } from "../core/contracts/parts.ts";
import type { ResultFormat } from "../core/contracts/worker.ts";
import { InvalidInputError } from "../core/errors.ts";
import { apps } from "./apps/index.ts";
import { assemblers } from "./assemblers/index.ts";
import { partitioners } from "./partitioners/index.ts";

export const blocks: readonly Block[] = [...partitioners, ...apps, ...assemblers];

interface BlockOfKind {
  readonly partitioner: PartitionerInfo;
  readonly app: AppInfo;
  readonly assembler: AssemblerInfo;
}

/** A built-in block, or undefined when there is none of that kind and name. */
export function findBlock<K extends keyof BlockOfKind>(kind: K, name: string): BlockOfKind[K] | undefined {
  const found = blocks.find((block) => block.kind === kind && block.name === name);
  return found as BlockOfKind[K] | undefined;
}

/**
 * How the workers write results, so that the assembler can join them. Assemblers that take whole files ("input") get files
 * that are complete by themselves: records like the input, CSV with its header inside.
 * @throws InvalidInputError BLOCKS_DONT_FIT naming combinations that do
 */
export function resultFormat(app: AppInfo, assembler: AssemblerInfo, _input: InputFormat): ResultFormat {
  const { takes } = assembler;
  if (app.produces === "accumulator" || takes === "accumulator") {
    if (app.produces === "accumulator" && takes === "accumulator") return "accumulator";
    throw dontFit(
      app.produces === "accumulator"
        ? `the app ${app.name} is a reducer, and ${assembler.name} can't merge its accumulators; use the assembler reduce`
        : `${assembler.name} merges the accumulators of reducers, and ${app.name} is none; use an app such as ${names((info) => info.produces === "accumulator")}, or the assembler concat`,
    );
  }
  if (takes === "input" || takes === "bytes") return "bytes";
  if (app.produces === "records") return takes;
  throw dontFit(
    `${assembler.name} joins records, and ${app.name} gives bytes; use the assembler concat, zip or passthrough, or an app that gives records, such as ${names((info) => info.produces === "records")}`,
  );
}

/** @throws InvalidInputError BLOCKS_DONT_FIT when the app can't work on what the partitioner cuts */
export function checkAccepts(app: AppInfo, partitioner: PartitionerInfo): void {
  if (app.accepts.includes(partitioner.cuts)) return;
  const fitting = partitioners.filter(({ cuts }) => app.accepts.includes(cuts)).map(({ name }) => name);
  throw new InvalidInputError(
    "template.partitioner",
    `the app ${app.name} can't work on what ${partitioner.name} cuts; use ${[...new Set(fitting)].join(", ")}`,
    "BLOCKS_DONT_FIT",
  );
}

const names = (which: (info: AppInfo) => boolean): string =>
  apps
    .filter(which)
    .map(({ name }) => name)
    .join(" or ");
const dontFit = (problem: string): InvalidInputError =>
  new InvalidInputError("template.assembler", problem, "BLOCKS_DONT_FIT");
