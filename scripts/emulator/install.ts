import { join } from "node:path";
import { STATE_DIRECTORY } from "../lib/paths.ts";
import { pythonEnvironment } from "../lib/python-environment.ts";

/**
 * The Python of the emulator's own environment.
 *
 * @throws ToolingError when no Python ≥ 3.10 is found or the packages can't be installed
 */
export function installEmulator(say: (line: string) => void): Promise<string> {
  const packages = {
    name: "emulator",
    size: "90 MB",
    requirements: join(import.meta.dirname, "requirements.txt"),
    home: join(STATE_DIRECTORY, "emulator"),
    otherwise: "set AWS_ENDPOINT_URL to an emulator that already runs",
  };
  return pythonEnvironment(packages, say);
}
