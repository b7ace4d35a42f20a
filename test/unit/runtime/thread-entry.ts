/** The thread of the tests: the built-in apps, and some that misbehave. */
import { builtinApp } from "../../../apps/apps/registry.ts";
import { startThread } from "../../../runtime/node/thread/start.ts";
import { testApp } from "./test-apps.ts";

startThread((name) => testApp(name) ?? builtinApp(name));
