/** The thread of app λ that runs the built-in apps' code; the handler finds it beside itself. */
import { builtinApp } from "../../apps/apps/registry.ts";
import { startThread } from "../../runtime/node/thread/start.ts";

startThread(builtinApp);
