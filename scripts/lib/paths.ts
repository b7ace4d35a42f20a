import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** The checkout's root. */
export const ROOT = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

/** Where everything lives that a run leaves behind: the emulator's venv, states and logs. Ignored by git. */
export const STATE_DIRECTORY = join(ROOT, ".jobjob");
