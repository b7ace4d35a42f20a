/** The deployment that the demo runs on. */
import { readAdminKey } from "../cli/admin-key.ts";
import type { Login } from "../cli/login.ts";
import { deployStack } from "../scripts/deploy/deploy-stack.ts";
import {
  type Emulator,
  emulatorStatus,
  ensureEmulator,
  startEmulator,
  stopEmulator,
} from "../scripts/emulator/emulator.ts";
import { onInterrupt } from "../scripts/lib/run.ts";

export interface DemoStack {
  readonly login: Login;
  /** True when it is the checkout's embedded emulator, which goes on after the demo. */
  readonly isShared: boolean;
  /** Ends what was started for the demo; nothing else. */
  readonly stop: () => Promise<void>;
}

/**
 * AWS_ENDPOINT_URL, else the checkout's emulator when one is up or is to be kept, else one that ends with the demo, also
 * by Ctrl-C.
 */
export async function demoStack(keep: boolean, say: (line: string) => void): Promise<DemoStack> {
  const given = process.env.AWS_ENDPOINT_URL;
  const shared = given ? undefined : keep ? await ensureEmulator({ say }) : await emulatorStatus();
  const own = given || shared ? undefined : await startEmulator({ lifetime: "with-me", say });
  const stop = () => stopOwn(own);
  onInterrupt(stop);
  try {
    const endpoint = given ?? (shared ?? own)?.endpoint ?? "";
    const outputs = await deployStack({ endpoint, say });
    const login = { url: outputs.ApiUrl, apiKey: await readAdminKey(endpoint, outputs.AdminKeySecretArn) };
    return { login, isShared: shared !== undefined, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function stopOwn(own: Emulator | undefined): Promise<void> {
  if (own) await stopEmulator(own);
}
