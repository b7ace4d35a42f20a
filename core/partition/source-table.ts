import { ObjectGrouper } from "../chunks/index.ts";
import type { PreparedLine } from "../contracts/chunk-index.ts";
import type { ObjectInfo, ObjectStore } from "../ports/index.ts";
import type { PartitionMethod } from "./method.ts";
import { probeText, type TextHead } from "./probe.ts";
import { inSource, readRange, type SourceVersion } from "./read-source.ts";

/** An object of the source, looked at as far as the method needs. */
export interface ProbedObject {
  readonly object: ObjectInfo;
  /** What its first bytes say; null where they don't matter. */
  readonly head: TextHead | "gzip" | null;
}

/** Heads that are read at once: 16 × 20 ms makes 800 objects a second. */
const PROBES = 16;

/** Which objects of a listing are part of the job. @param root what globs are relative to */
export function acceptor(method: PartitionMethod, root: string): (object: ObjectInfo) => boolean {
  if (method.kind !== "objects") return () => true;
  const { include, exclude } = method.grouping;
  const grouper = new ObjectGrouper({ prefix: root, include, exclude });
  return (object) => grouper.add(object).accepted;
}

/** The objects in order, probed some in advance. */
export async function* probeObjects(
  objects: ObjectStore,
  method: PartitionMethod,
  accepted: readonly ObjectInfo[],
): AsyncGenerator<ProbedObject> {
  if (method.kind !== "records") {
    for (const object of accepted) yield { object, head: null };
    return;
  }
  const { input } = method;
  const probe = async (object: ObjectInfo): Promise<ProbedObject> => {
    try {
      const read = (from: number, to: number) => readRange(objects, object, from, to);
      return { object, head: await probeText(read, object.size, input) };
    } catch (error) {
      throw inSource(error, object);
    }
  };
  const ahead: Promise<ProbedObject>[] = [];
  for (let next = 0; next < accepted.length || ahead.length > 0; ) {
    while (ahead.length < PROBES && next < accepted.length) {
      const object = accepted[next++];
      if (!object) break;
      const probing = probe(object);
      probing.catch(() => undefined); // met when its turn comes
      ahead.push(probing);
    }
    const first = ahead.shift();
    if (first) yield await first;
  }
}

/** A row of the table of sources. @param shown the original key when `object` is a staged copy */
export function preparedRow(
  object: SourceVersion & { readonly versionId?: string },
  head: TextHead | null,
  shown?: string,
): PreparedLine {
  return {
    b: object.bucket,
    k: object.key,
    e: object.etag,
    z: object.size,
    ...(object.versionId === undefined ? {} : { v: object.versionId }),
    ...(head?.header == null ? {} : { h: head.header }),
    ...(shown === undefined ? {} : { n: shown }),
    ...(head && head.start > 0 ? { o: head.start } : {}),
  };
}

/** Objects that a test job, which runs only the first chunk, needs at most: a set of objects holds no more. */
const FIRST_OBJECTS = 1_000;

/** Whether the sources so far suffice for the first chunk (`isTestJob`). */
export function holdsFirstChunk(method: PartitionMethod, row: PreparedLine, count: number): boolean {
  return method.kind === "objects" ? count >= FIRST_OBJECTS : method.kind === "replicas" || row.z > (row.o ?? 0);
}
