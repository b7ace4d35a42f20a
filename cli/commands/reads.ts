/** What is read of one job, a table each. */
import type { Command } from "commander";
import { type Cli, connect } from "../context.ts";
import { COST_NOTE, costRows } from "../cost.ts";
import { bareState, humanBytes, orDash } from "../human.ts";
import { partialOption } from "../options.ts";
import { globalsOf, printJson, take } from "../output.ts";
import { printTable } from "../table.ts";

export function resultsCommand(program: Command, cli: Cli): void {
  const results = program.command("results <job>").description("links to a COMPLETE job's results; they live an hour");
  partialOption(results).action(
    async (id: string, { partial = false }: { readonly partial?: boolean }, command: Command) => {
      const client = await connect(cli);
      const { rows } = await take(client.results(id, { partial }), Number.POSITIVE_INFINITY);
      if (globalsOf(command).json) return printJson(cli.terminal, rows);
      if (rows.length === 0) {
        const { job } = await client.get(id);
        return cli.terminal.err(`No results: the job is ${bareState(job.state)}.`);
      }
      // Several partial results may lie in one object: the link wants the range as the header Range.
      const isRange = rows.some(({ range }) => range !== undefined);
      const columns = [{ name: "NAME" }, { name: "SIZE", right: true }, { name: "CHECKSUM" }, { name: "LINK" }];
      printTable(
        cli.terminal,
        isRange ? columns.toSpliced(3, 0, { name: "RANGE" }) : columns,
        rows.map(({ name, size, checksum, link, range }) => [
          name,
          humanBytes(size),
          orDash(checksum),
          ...(isRange ? [orDash(range ?? null)] : []),
          link,
        ]),
      );
    },
  );
}

export function costCommand(program: Command, cli: Cli): void {
  program
    .command("cost <job>")
    .description("what a job has cost so far, by kind, beside what was expected")
    .action(async (id: string, _options: unknown, command: Command) => {
      const client = await connect(cli);
      const { job } = await client.get(id);
      const { cost, estimatedCost: estimated } = job;
      if (globalsOf(command).json) return printJson(cli.terminal, cost && { ...cost, estimated });
      if (!cost) return cli.terminal.err("Nothing yet: the job has not run.");
      const columns = [{ name: "KIND" }, { name: "ESTIMATED", right: true }, { name: "MEASURED", right: true }];
      printTable(cli.terminal, columns, costRows(job));
      cli.terminal.err(COST_NOTE);
    });
}

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
