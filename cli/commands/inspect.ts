import { type Command, Option } from "commander";
import type { JobAnswer, JobRecord } from "../../core/contracts/api/records.ts";
import type { SourceRecord } from "../../core/contracts/api/source.ts";
import { VIEWS, type ViewName } from "../../core/states/views.ts";
import { type Cli, connect } from "../context.ts";
import { costLine } from "../cost.ts";
import { bareState, humanBytes, humanDuration, humanUsd } from "../human.ts";
import { globalsOf, printJson } from "../output.ts";
import { stateText } from "../progress-line.ts";
import { printPairs } from "../table.ts";
import type { Paint } from "../terminal.ts";

interface InspectOptions {
  readonly raw?: boolean;
  readonly view?: ViewName;
}

export function inspectCommand(program: Command, cli: Cli): void {
  program
    .command("inspect <job>")
    .description("everything about one job")
    .option("--raw", "the API's record as JSON")
    .addOption(new Option("--view <system>", "state and tasks in another system's words").choices(VIEWS))
    .action(async (id: string, options: InspectOptions, command: Command) => {
      const client = await connect(cli);
      const answer = await client.get(id, options.view);
      const { job, view } = answer;
      if (options.raw || globalsOf(command).json) return printJson(cli.terminal, view ? { ...job, view } : job);
      printPairs(cli.terminal, [...pairsOf(job, cli.terminal.paint), ...viewPairs(answer, options.view)]);
    });
}

type Pair = readonly [string, string | null];

function pairsOf(job: JobRecord, paint: Paint): readonly Pair[] {
  const { versions, stats, failure, incomplete } = job;
  return [
    ["ID", job.id],
    ["Name", job.name],
    ["Description", job.description || null],
    ["State", stateText(job, paint)],
    ["Failure", failure && `${paint("red", failure.code)} in ${failure.step}: ${failure.message}`],
    ["Incomplete", incomplete && `${incomplete.tasks} failed tasks, ${incomplete.items} rejected items left out`],
    ["Progress", job.progress.text + partialText(job)],
    ["Template", job.templateId],
    ["Blocks", versions && [versions.partitioner, versions.app, versions.assembler].map(versionText).join(" → ")],
    ["Attempts", `${job.maxAttempts} per task`],
    ["Source", placeText(job.dataSource)],
    ["Destination", placeText(job.dataDestination)],
    ["Params", JSON.stringify(job.params)],
    ["Config", JSON.stringify(job.config)],
    ["Tags", Object.keys(job.tags).length === 0 ? null : JSON.stringify(job.tags)],
    ["Owner", job.owner],
    ["Created", job.createdAt],
    ["Submitted", job.submittedAt],
    ["Started", job.startedAt],
    ["Ended", job.endedAt],
    ["Duration", job.duration === null ? null : humanDuration(job.duration)],
    ["Run", `${job.run} (${stats.restarts} restarts)`],
    ["Download", `${humanBytes(stats.downloadBytes)} in ${humanDuration(stats.downloadMs / 1_000)}`],
    ["Process", humanDuration(stats.processMs / 1_000)],
    ["Upload", `${humanBytes(stats.uploadBytes)} in ${humanDuration(stats.uploadMs / 1_000)}`],
    ["Cost", costLine(job)?.replace(/^cost /, "") ?? (job.cost && humanUsd(job.cost.usd))],
    ...statePairs(job),
  ];
}

/** The way it took, in order. */
function statePairs(job: JobRecord): readonly Pair[] {
  return Object.entries(job.stateTimestamps)
    .sort(([, a], [, b]) => (a < b ? -1 : a > b ? 1 : 0))
    .map(([state, at], i) => [i === 0 ? "States" : "", `${at}  ${bareState(state)}`]);
}

function partialText({ progress }: JobRecord): string {
  const parts = [
    progress.partial > 0 ? `${progress.partial} partial` : null,
    progress.active > 0 ? `${progress.active} active` : null,
    progress.softFailed > 0 ? `${progress.softFailed} soft-failed` : null,
    progress.canceled > 0 ? `${progress.canceled} canceled` : null,
    progress.paused > 0 ? `${progress.paused} paused` : null,
  ].filter((part) => part !== null);
  return parts.length === 0 ? "" : ` (${parts.join(", ")})`;
}

const versionText = ({ name, version }: { readonly name: string; readonly version: string }): string =>
  `${name}@${version}`;

export function placeText(place: SourceRecord | null): string | null {
  if (!place) return null;
  const { name, bucketName } = place.params;
  if (bucketName !== null) return `s3://${bucketName}/${name ?? ""}`;
  return name === null ? place.dataSourceDescriptor : `${place.dataSourceDescriptor} ${name}`;
}

function viewPairs({ view }: JobAnswer, name: ViewName | undefined): readonly Pair[] {
  if (!view || name === undefined) return [];
  const tasks = Object.entries(view.tasks).filter(([, count]) => count > 0);
  return [
    [`In ${name}`, view.state],
    ["", tasks.length === 0 ? "no tasks" : tasks.map(([word, count]) => `${count} ${word}`).join(", ")],
  ];
}
