import { S3Client } from "@aws-sdk/client-s3";
import { clientDefaults, lazily } from "../clients.ts";

/**
 * A request may take two minutes until its answer begins (a part of hundreds of MiB, a copy of 5 GiB); a connection on
 * which nothing moves for one minute is dead.
 *
 * Checksums only where S3 insists: it computes a CRC64NVME of every object itself, and a checksum of our own would end up
 * in presigned URLs, where it is that of an empty body and makes S3 refuse every other one. Path style serves emulators,
 * whose host names have no wildcard.
 */
export const s3Client = lazily(
  () =>
    new S3Client({
      ...clientDefaults({ request: 120_000, idle: 60_000 }),
      requestChecksumCalculation: "WHEN_REQUIRED",
      responseChecksumValidation: "WHEN_REQUIRED",
      followRegionRedirects: true,
      forcePathStyle: process.env.AWS_ENDPOINT_URL !== undefined || process.env.AWS_ENDPOINT_URL_S3 !== undefined,
    }),
);
