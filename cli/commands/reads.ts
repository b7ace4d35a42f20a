/** What is read of one job, a table each. */
import type { Command } from "commander";
import { type Cli, connect } from "../context.ts";
import { bareState, humanBytes, humanUsd, orDash } from "../human.ts";
import { globalsOf, printJson, take } from "../output.ts";
import { printPairs, printTable } from "../table.ts";

export function resultsCommand(program: Command, cli: Cli): void {
  program
    .command("results <job>")
    .description("links to a COMPLETE job's results; they live an hour")
    .action(async (id: string, _options: unknown, command: Command) => {
      const client = await connect(cli);
      const { rows } = await take(client.results(id), Number.POSITIVE_INFINITY);
      if (globalsOf(command).json) return printJson(cli.terminal, rows);
      if (rows.length === 0) {
        const { job } = await client.get(id);
        return cli.terminal.err(`No results: the job is ${bareState(job.state)}.`);
      }
      printTable(
        cli.terminal,
        [{ name: "NAME" }, { name: "SIZE", right: true }, { name: "CHECKSUM" }, { name: "LINK" }],
        rows.map(({ name, size, checksum, link }) => [name, humanBytes(size), orDash(checksum), link]),
      );
    });
}

export function costCommand(program: Command, cli: Cli): void {
  program
    .command("cost <job>")
    .description("what a job has cost so far, by kind")
    .action(async (id: string, _options: unknown, command: Command) => {
      const client = await connect(cli);
      const cost = await client.cost(id);
      if (globalsOf(command).json) return printJson(cli.terminal, cost);
      if (!cost) return cli.terminal.err("Nothing yet: the job has not run.");
      printPairs(cli.terminal, costPairs(cost));
    });
}

export const costPairs = (cost: {
  readonly usd: number;
  readonly appUsd: number;
  readonly workflowUsd: number;
  readonly functionsUsd: number;
  readonly tableUsd: number;
  readonly storageUsd: number;
}): readonly (readonly [string, string])[] => [
  ["App", humanUsd(cost.appUsd)],
  ["Workflow", humanUsd(cost.workflowUsd)],
  ["Functions", humanUsd(cost.functionsUsd)],
  ["Table", humanUsd(cost.tableUsd)],
  ["Storage", humanUsd(cost.storageUsd)],
  ["In all", humanUsd(cost.usd)],
];

export function templateCommand(program: Command, cli: Cli): void {
  program
    .command("template")
    .description("what jobs are made from")
    .command("list")
    .alias("ls")
    .description("all templates")
    .action(async (_options: unknown, command: Command) => {
      const client = await connect(cli);
      const { rows } = await take(client.templates(), Number.POSITIVE_INFINITY);
      if (globalsOf(command).json) return printJson(cli.terminal, rows);
      printTable(
        cli.terminal,
        [{ name: "ID" }, { name: "PARTITIONER" }, { name: "APP" }, { name: "ASSEMBLER" }, { name: "DESCRIPTION" }],
        rows.map(({ id, partitioner, app, assembler, description }) => [id, partitioner, app, assembler, description]),
      );
    });
}
