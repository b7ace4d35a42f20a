/** The ports as one invocation sees them: every call waits for its turn, and may be the last thing its caller ever does. */
import type { Key, NudgePort, ObjectStore, QueryInput, Table, WorkflowPort, Write } from "../../core/ports/index.ts";
import type { Invocation, World } from "./world.ts";

export class SimulatedTable implements Table {
  readonly #world: World;
  readonly #by: Invocation;
  constructor(world: World, by: Invocation) {
    this.#world = world;
    this.#by = by;
  }
  get(key: Key, options?: { readonly consistent?: boolean }) {
    return this.#world.call(this.#by, "Table.get", () => this.#world.table.get(key, options));
  }
  batchGet(keys: readonly Key[], options?: { readonly consistent?: boolean }) {
    return this.#world.call(this.#by, "Table.batchGet", () => this.#world.table.batchGet(keys, options));
  }
  query(input: QueryInput) {
    return this.#world.call(this.#by, "Table.query", () => this.#world.table.query(input));
  }
  write(write: Write) {
    return this.#world.call(this.#by, "Table.write", () => this.#world.table.write(write), { writes: 1 });
  }
  transact(writes: readonly Write[], token?: string) {
    const run = () => this.#world.table.transact(writes, token);
    return this.#world.call(this.#by, "Table.transact", run, { writes: writes.length });
  }
}

type Of<M extends keyof ObjectStore> = Parameters<ObjectStore[M]>;

export class SimulatedStore implements ObjectStore {
  readonly #world: World;
  readonly #by: Invocation;
  constructor(world: World, by: Invocation) {
    this.#world = world;
    this.#by = by;
  }
  head(...args: Of<"head">) {
    return this.#call("ObjectStore.head", (store) => store.head(...args));
  }
  get(...args: Of<"get">) {
    return this.#call("ObjectStore.get", (store) => store.get(...args));
  }
  /** One call, as the request is: what comes of the body afterwards is no other call's affair. */
  async *stream(...args: Of<"stream">) {
    const blocks = await this.#call("ObjectStore.stream", async (store) => store.stream(...args));
    yield* blocks;
  }
  put(...args: Of<"put">) {
    return this.#call("ObjectStore.put", (store) => store.put(...args), { puts: args[0] });
  }
  list(...args: Of<"list">) {
    return this.#call("ObjectStore.list", (store) => store.list(...args));
  }
  delete(...args: Of<"delete">) {
    const [bucket, keys] = args;
    return this.#call("ObjectStore.delete", (store) => store.delete(bucket, keys), { deletes: { bucket, keys } });
  }
  createUpload(...args: Of<"createUpload">) {
    return this.#call("ObjectStore.createUpload", (store) => store.createUpload(...args));
  }
  uploadPart(...args: Of<"uploadPart">) {
    return this.#call("ObjectStore.uploadPart", (store) => store.uploadPart(...args));
  }
  uploadPartCopy(...args: Of<"uploadPartCopy">) {
    return this.#call("ObjectStore.uploadPartCopy", (store) => store.uploadPartCopy(...args));
  }
  completeUpload(...args: Of<"completeUpload">) {
    return this.#call("ObjectStore.completeUpload", (store) => store.completeUpload(...args), { puts: args[0] });
  }
  abortUpload(...args: Of<"abortUpload">) {
    return this.#call("ObjectStore.abortUpload", (store) => store.abortUpload(...args));
  }
  listUploads(...args: Of<"listUploads">) {
    return this.#call("ObjectStore.listUploads", (store) => store.listUploads(...args));
  }
  presignGet(...args: Of<"presignGet">) {
    return this.#call("ObjectStore.presignGet", (store) => store.presignGet(...args));
  }
  presignPut(...args: Of<"presignPut">) {
    return this.#call("ObjectStore.presignPut", (store) => store.presignPut(...args));
  }
  presignPart(...args: Of<"presignPart">) {
    return this.#call("ObjectStore.presignPart", (store) => store.presignPart(...args));
  }
  #call<T>(method: string, run: (store: ObjectStore) => Promise<T>, effect?: Parameters<World["call"]>[3]) {
    return this.#world.call(this.#by, method, () => run(this.#world.objects), effect);
  }
}

export class SimulatedWorkflow implements WorkflowPort {
  readonly #world: World;
  readonly #by: Invocation;
  constructor(world: World, by: Invocation) {
    this.#world = world;
    this.#by = by;
  }
  start(name: string, input: Readonly<Record<string, string | number>>) {
    return this.#world.call(this.#by, "WorkflowPort.start", () => this.#world.workflow.start(name, input));
  }
  stop(name: string, cause: string) {
    return this.#world.call(this.#by, "WorkflowPort.stop", () => this.#world.workflow.stop(name, cause));
  }
  status(name: string) {
    return this.#world.call(this.#by, "WorkflowPort.status", () => this.#world.workflow.status(name));
  }
}

export class SimulatedNudge implements NudgePort {
  readonly #world: World;
  readonly #by: Invocation;
  constructor(world: World, by: Invocation) {
    this.#world = world;
    this.#by = by;
  }
  sweep(jobId: string) {
    return this.#world.call(this.#by, "NudgePort.sweep", async () => this.#world.nudged(jobId));
  }
}
