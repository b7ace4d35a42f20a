import { Duration, RemovalPolicy } from "aws-cdk-lib";
import * as dynamodb from "aws-cdk-lib/aws-dynamodb";
import * as s3 from "aws-cdk-lib/aws-s3";
import * as secretsmanager from "aws-cdk-lib/aws-secretsmanager";
import { Construct } from "constructs";
import { INDEXES } from "../core/ports/index.ts";
import { acknowledge } from "./acknowledge.ts";

export interface StorageProps {
  /** Bucket and table are deleted with the stack. */
  readonly destroy: boolean;
  /** Days that the apps' logs (`l/*`) are kept. */
  readonly logDays: number;
}

/** What lasts: one bucket for bytes, one table for facts, two generated secrets. */
export class Storage extends Construct {
  readonly bucket: s3.Bucket;
  readonly table: dynamodb.Table;
  /** API key of the owner `admin`; its hash is imported at its first use. */
  readonly adminKey: secretsmanager.Secret;
  /** Signs access tokens. */
  readonly tokenKey: secretsmanager.Secret;

  constructor(scope: Construct, id: string, props: StorageProps) {
    super(scope, id);
    const removalPolicy = props.destroy ? RemovalPolicy.DESTROY : RemovalPolicy.RETAIN;
    this.bucket = this.makeBucket(removalPolicy, props.logDays);
    this.table = this.makeTable(removalPolicy);
    this.adminKey = this.makeSecret("AdminKey", "JobJob: first API key, of the owner admin");
    this.tokenKey = this.makeSecret("TokenKey", "JobJob: signs access tokens");
  }

  private makeBucket(removalPolicy: RemovalPolicy, logDays: number): s3.Bucket {
    const bucket = new s3.Bucket(this, "Data", {
      blockPublicAccess: s3.BlockPublicAccess.BLOCK_ALL,
      encryption: s3.BucketEncryption.S3_MANAGED,
      enforceSSL: true,
      objectOwnership: s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
      removalPolicy,
      lifecycleRules: [
        // A net only: the engine aborts its own uploads, and the longest job with its pauses is far shorter than this.
        { id: "abort-incomplete-uploads", abortIncompleteMultipartUploadAfter: Duration.days(7) },
        { id: "expire-logs", prefix: "l/", expiration: Duration.days(logDays) },
      ],
      cors: [
        {
          // Presigned links carry their right in their signature, so any origin may use one: a browser's page uploads
          // parts (and needs their ETag) and downloads results.
          allowedMethods: [s3.HttpMethods.GET, s3.HttpMethods.HEAD, s3.HttpMethods.PUT],
          allowedOrigins: ["*"],
          allowedHeaders: ["*"],
          exposedHeaders: ["ETag", "Content-Length", "Content-Disposition"],
          maxAge: 3_600,
        },
      ],
    });
    acknowledge(
      bucket,
      "AwsSolutions-S1",
      "Access logs would need a second bucket and a PUT per few requests; who did what to a job is in its timeline.",
    );
    return bucket;
  }

  private makeTable(removalPolicy: RemovalPolicy): dynamodb.Table {
    const table = new dynamodb.Table(this, "Facts", {
      partitionKey: { name: "pk", type: dynamodb.AttributeType.STRING },
      sortKey: { name: "sk", type: dynamodb.AttributeType.STRING },
      billingMode: dynamodb.BillingMode.PAY_PER_REQUEST,
      encryption: dynamodb.TableEncryption.DEFAULT,
      pointInTimeRecoverySpecification: { pointInTimeRecoveryEnabled: true },
      timeToLiveAttribute: "expires",
      // Behind cdk/events.ts: nothing else reads it.
      stream: dynamodb.StreamViewType.NEW_IMAGE,
      removalPolicy,
    });
    for (const [indexName, { pk, sk }] of Object.entries(INDEXES)) {
      table.addGlobalSecondaryIndex({
        indexName,
        partitionKey: { name: pk, type: dynamodb.AttributeType.STRING },
        sortKey: { name: sk, type: dynamodb.AttributeType.STRING },
        projectionType: dynamodb.ProjectionType.KEYS_ONLY,
      });
    }
    return table;
  }

  private makeSecret(id: string, description: string): secretsmanager.Secret {
    const secret = new secretsmanager.Secret(this, id, {
      description,
      // 48 of 62 characters: 285 bits. No punctuation, so that a key survives shells and headers.
      generateSecretString: { passwordLength: 48, excludePunctuation: true },
      // Worth nothing without the stack; a later deployment on the kept table generates its own and imports it.
      removalPolicy: RemovalPolicy.DESTROY,
    });
    acknowledge(
      secret,
      "AwsSolutions-SMG4",
      "Rotation needs a rotation function. The admin key is revoked and replaced through the API; replacing the token key only ends the sessions.",
    );
    return secret;
  }
}
