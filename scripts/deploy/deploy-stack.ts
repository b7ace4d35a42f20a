import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { CloudFormationClient, Stack } from "@aws-sdk/client-cloudformation";
import * as z from "zod";
import { emulatorEnvironment } from "../lib/aws-environment.ts";
import { ROOT, STATE_DIRECTORY } from "../lib/paths.ts";
import { run } from "../lib/run.ts";
import { ToolingError } from "../lib/tooling-error.ts";
import { fingerprint } from "./fingerprint.ts";
import { keepAssembly, takeAssembly } from "./kept-assembly.ts";
import {
  cloudFormation,
  failureReasons,
  healthyStack,
  isBootstrapped,
  outputsOf,
  STACK_NAME,
  type StackOutputs,
} from "./stack.ts";

const STATE_FILE = join(STATE_DIRECTORY, "deploy.json");
const MINUTE_MS = 60_000;
/** An emulator needs seconds, AWS some minutes. A hung deploy says nothing by itself, so each call has its limit. */
const LIMITS_MS = { synth: 4 * MINUTE_MS, emulator: 6 * MINUTE_MS, aws: 30 * MINUTE_MS };
/** Map children at once on an emulator: each is a process, and its template field must be fixed (architecture.md, Batches). */
const EMULATOR_CONTEXT = { mapMaxConcurrency: "4" };

const stateSchema = z.object({ endpoint: z.string(), stack: z.string(), fingerprint: z.string() });

export interface DeployOptions {
  /** The emulator's endpoint. @default AWS itself, with the caller's credentials and region */
  readonly endpoint?: string | undefined;
  /** CDK context; wins over the emulator's own. */
  readonly context?: Readonly<Record<string, string>>;
  /** Called with short progress lines. @default nothing is printed */
  readonly say?: (line: string) => void;
}

/**
 * Deploys the JobJob stack with the real CDK CLI and answers its outputs. Bootstraps the account and region when
 * that wasn't done. When the stack stands and nothing that goes into it has changed, it only reads the outputs.
 *
 * @throws ToolingError that names the step, the reason and the remedy
 */
export async function deployStack(options: DeployOptions = {}): Promise<StackOutputs> {
  const { endpoint, say = () => {} } = options;
  const environment: NodeJS.ProcessEnv = endpoint
    ? emulatorEnvironment(endpoint)
    : { ...process.env, AWS_ENDPOINT_URL: undefined };
  const context = { ...(endpoint ? EMULATOR_CONTEXT : {}), ...options.context };
  const client = cloudFormation(environment);
  try {
    const print = await fingerprint(ROOT, context);
    const standing = await healthyStack(client);
    const target = endpoint ?? "aws";
    if (standing && (await isDeployed(target, standing, print))) {
      say("deploy: up to date");
      return outputsOf(standing, endpoint);
    }
    const stack = await deploy({ client, environment, context, say, print, emulated: endpoint !== undefined });
    await mkdir(STATE_DIRECTORY, { recursive: true });
    await writeFile(STATE_FILE, `${JSON.stringify({ endpoint: target, stack: version(stack), fingerprint: print })}\n`);
    return outputsOf(stack, endpoint);
  } finally {
    client.destroy();
  }
}

interface Deployment {
  readonly client: CloudFormationClient;
  readonly environment: NodeJS.ProcessEnv;
  readonly context: Readonly<Record<string, string>>;
  readonly say: (line: string) => void;
  /** Fingerprint of the sources and the context. */
  readonly print: string;
  readonly emulated: boolean;
}

async function deploy({ client, environment, context, say, print, emulated }: Deployment): Promise<Stack> {
  const limit = emulated ? LIMITS_MS.emulator : LIMITS_MS.aws;
  // A folder of its own: two deployments at once (tests, demo) must not write into one cdk.out.
  const assembly = await mkdtemp(join(tmpdir(), "jobjob-assembly-"));
  const cdk = async (step: string, args: readonly string[], timeoutMs: number) => {
    const began = Date.now();
    const cli = [
      join(ROOT, "node_modules", "aws-cdk", "bin", "cdk"),
      ...args,
      "--no-version-reporting",
      "--no-notices",
      "--ci",
    ];
    const result = await run(process.execPath, cli, { cwd: ROOT, env: { ...environment, NO_COLOR: "1" }, timeoutMs });
    if (result.code === 0) return say(`${step}: done (${((Date.now() - began) / 1000).toFixed(0)} s)`);
    const reasons = step === "deploy" ? await failureReasons(client) : [];
    const tail = result.text.trim().split("\n").slice(-25);
    const what = result.timedOut ? `did not end within ${timeoutMs / MINUTE_MS} minutes and was stopped` : "failed";
    const remedy = emulated
      ? "Mend the cause; if the emulator holds a half-made stack, start it anew (npm run emulator -- stop), then deploy again."
      : "Mend the cause (credentials and region come from your AWS environment), then deploy again.";
    throw new ToolingError([`cdk ${step} ${what}.`, ...reasons, ...tail, remedy].join("\n"));
  };
  try {
    // On AWS lookups of the account could play a part, and minutes are spent anyway.
    if (emulated && (await takeAssembly(print, assembly))) {
      say("synth: unchanged");
    } else {
      say("synth: bundling the Lambdas");
      const keys = Object.entries(context).flatMap(([key, value]) => ["-c", `${key}=${value}`]);
      await cdk("synth", ["synth", "--quiet", "--output", assembly, ...keys], LIMITS_MS.synth);
      // A source that was saved while synth ran may be in it or not.
      if (emulated && (await fingerprint(ROOT, context)) === print) await keepAssembly(print, assembly);
    }
    if (!(await isBootstrapped(client))) {
      say("bootstrap: preparing the account for CDK");
      await cdk("bootstrap", ["bootstrap", "--app", assembly], limit);
    }
    say(`deploy: ${STACK_NAME}`);
    await cdk(
      "deploy",
      ["deploy", STACK_NAME, "--app", assembly, "--require-approval", "never", "--progress", "events"],
      limit,
    );
  } finally {
    await rm(assembly, { recursive: true, force: true });
  }
  const stack = await healthyStack(client);
  if (!stack)
    throw new ToolingError(`deploy: the CDK CLI reports success, but there is no healthy stack ${STACK_NAME}.`);
  return stack;
}

/** Which deployment of which stack this is: a stack that was made or changed elsewhere has another one. */
function version(stack: Stack): string {
  return `${stack.StackId} ${(stack.LastUpdatedTime ?? stack.CreationTime)?.toISOString()}`;
}

async function isDeployed(endpoint: string, stack: Stack, print: string): Promise<boolean> {
  const text = await readFile(STATE_FILE, "utf8").catch(() => undefined);
  if (text === undefined) return false;
  const state = stateSchema.safeParse(JSON.parse(text));
  return (
    state.success &&
    state.data.endpoint === endpoint &&
    state.data.stack === version(stack) &&
    state.data.fingerprint === print
  );
}
