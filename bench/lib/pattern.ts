/** The usual pattern (bench/pattern) deployed beside JobJob, run, and counted by the same meter. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { CloudFormationClient, DescribeStacksCommand } from "@aws-sdk/client-cloudformation";
import { DescribeExecutionCommand, SFNClient, StartExecutionCommand } from "@aws-sdk/client-sfn";
import * as z from "zod";
import type { ObjectStore } from "../../core/ports/index.ts";
import { emulatorEnvironment } from "../../scripts/lib/aws-environment.ts";
import { ROOT } from "../../scripts/lib/paths.ts";
import { run } from "../../scripts/lib/run.ts";
import { MANIFEST, PATTERN_STACK } from "../pattern/names.ts";
import { executed } from "./executed.ts";
import type { Counts } from "./metered.ts";
import { meter, Wire } from "./wire.ts";

const DEPLOY_MS = 4 * 60_000;
const outputs = z.object({ BucketName: z.string(), StateMachineArn: z.string() });

export class Pattern {
  readonly #objects: ObjectStore;
  readonly #wire: Wire;
  readonly #undo: () => Promise<void>;
  readonly #outputs: z.infer<typeof outputs>;

  private constructor(objects: ObjectStore, wire: Wire, undo: () => Promise<void>, found: z.infer<typeof outputs>) {
    this.#objects = objects;
    this.#wire = wire;
    this.#undo = undo;
    this.#outputs = found;
  }

  static async deploy(endpoint: string, objects: ObjectStore, say: (line: string) => void): Promise<Pattern> {
    const output = await mkdtemp(join(tmpdir(), "jobjob-pattern-"));
    try {
      const cdk = join(ROOT, "node_modules", "aws-cdk", "bin", "cdk");
      const app = "node --import tsx bench/pattern/app.ts";
      const args = [cdk, "deploy", PATTERN_STACK, "--app", app, "--output", output, "--require-approval", "never"];
      const quiet = ["--no-version-reporting", "--no-notices", "--ci", "--progress", "events"];
      const env = { ...emulatorEnvironment(endpoint), NO_COLOR: "1" };
      const { code, text } = await run(process.execPath, [...args, ...quiet], { cwd: ROOT, env, timeoutMs: DEPLOY_MS });
      if (code !== 0)
        throw new Error(`The usual pattern can't be deployed:\n${text.trim().split("\n").slice(-15).join("\n")}`);
    } finally {
      await rm(output, { recursive: true, force: true });
    }
    say("the usual pattern is deployed beside it");
    const { Stacks = [] } = await new CloudFormationClient({}).send(
      new DescribeStacksCommand({ StackName: PATTERN_STACK }),
    );
    const told = (Stacks[0]?.Outputs ?? []).map(({ OutputKey, OutputValue }) => [OutputKey, OutputValue]);
    const wire = new Wire(endpoint);
    const undo = await meter(wire, (name) => (name.startsWith(`${PATTERN_STACK}-Task`) ? "task" : undefined));
    return new Pattern(objects, wire, undo, outputs.parse(Object.fromEntries(told)));
  }

  async close(): Promise<void> {
    await this.#undo();
    await this.#wire.close();
  }

  /** Runs so many tasks, a child each. */
  async run(tasks: number): Promise<Counts & { readonly children: number }> {
    const { BucketName: bucket, StateMachineArn: stateMachineArn } = this.#outputs;
    const items = Array.from({ length: tasks }, (_, n) => ({ run: `n${tasks}`, n }));
    await this.#objects.put({ bucket, key: MANIFEST }, JSON.stringify(items));
    this.#wire.reset();
    const sfn = new SFNClient({});
    const { executionArn = "" } = await sfn.send(new StartExecutionCommand({ stateMachineArn, input: "{}" }));
    for (;;) {
      const { status, cause } = await sfn.send(new DescribeExecutionCommand({ executionArn }));
      if (status === "SUCCEEDED") break;
      if (status !== "RUNNING") throw new Error(`The usual pattern ended ${status}: ${cause}`);
      await sleep(200);
    }
    const { transitions, children, mapRuns, invoked } = await executed(stateMachineArn, executionArn);
    const { calls } = this.#wire;
    return {
      children,
      transitions,
      requests: [...invoked.values()].reduce((sum, { calls: count }) => sum + count, 0),
      writeUnits: calls.reduce((sum, { writeUnits }) => sum + writeUnits, 0),
      readUnits: calls.reduce((sum, { readUnits }) => sum + readUnits, 0),
      puts: calls.filter(({ s3 }) => s3 === "put").length,
      gets: calls.filter(({ s3 }) => s3 === "get").length + mapRuns,
    };
  }
}
