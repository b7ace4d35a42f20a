import { JobJobError } from "../errors.ts";
import type { Place } from "../ports/index.ts";

const named = (place: Place): string => `s3://${place.bucket}/${place.key}`;

/** The input is no longer what prepare found: overwritten or deleted since. */
export function inputChanged(place: Place, cause?: unknown): JobJobError {
  return new JobJobError({
    code: "INPUT_CHANGED",
    message: `${named(place)} was overwritten or deleted while the job ran; results of two versions are never mixed. Run the job again (requeue with repartition) once the input stands still.`,
    details: { ...place },
    cause,
  });
}

/** What a read of the input failed with, in the words of the job's owner. */
export function readError(error: unknown, place: Place): unknown {
  if (!(error instanceof JobJobError)) return error;
  if (error.code === "PRECONDITION_FAILED" || error.code === "OBJECT_MISSING" || error.code === "RANGE_INVALID")
    return inputChanged(place, error);
  return error.code === "ACCESS_DENIED" ? accessDenied(place, error) : error;
}

export function objectMissing(place: Place, cause?: unknown): JobJobError {
  return new JobJobError({
    code: "OBJECT_MISSING",
    message: `${named(place)} doesn't exist, and no object lies below it; check dataSource.params.name (end it in "/" where a folder may be empty).`,
    details: { ...place, path: "dataSource.params.name" },
    cause,
  });
}

export function bucketMissing(bucket: string, cause?: unknown): JobJobError {
  return new JobJobError({
    code: "BUCKET_MISSING",
    message: `The bucket ${bucket} doesn't exist; check dataSource.params.bucketName.`,
    details: { bucket, path: "dataSource.params.bucketName" },
    cause,
  });
}

export function accessDenied(place: Place, cause?: unknown): JobJobError {
  return new JobJobError({
    code: "ACCESS_DENIED",
    message: `${named(place)} can't be read with the deployment's rights: let its bucket's policy (and its KMS key's, if it has one) allow s3:GetObject and s3:ListBucket to the deployment, or check the name.`,
    details: { ...place, path: "dataSource.params.bucketName" },
    cause,
  });
}

export function notGranted(bucket: string): JobJobError {
  return new JobJobError({
    code: "ACCESS_DENIED",
    message: `The bucket ${bucket} isn't granted to this deployment; add it to the context key "grantedBuckets" in cdk.json and deploy again.`,
    details: { bucket, path: "dataSource.params.bucketName" },
  });
}

export function foreignPrefix(bucket: string, own: string): JobJobError {
  return new JobJobError({
    code: "ACCESS_DENIED",
    message: `In the deployment's own bucket ${bucket} you may read only below ${own}; check dataSource.params.name.`,
    details: { bucket, path: "dataSource.params.name" },
  });
}

export function tooManyChunks(limit: number): JobJobError {
  return new JobJobError({
    code: "TOO_MANY_CHUNKS",
    message: `The source makes more than ${limit} chunks; raise config.maxChunkSize (or params.partitioner.objectsPerChunk), or split the source.`,
  });
}
