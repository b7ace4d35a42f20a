import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import type { ObjectStore, UploadedPart } from "../../core/ports/index.ts";
import { expectCode, itUnless, type Known, unique } from "./harness.ts";

export interface StoreUnderTest {
  readonly store: ObjectStore;
  /** Exists and holds nothing but what the tests put there. */
  readonly bucket: string;
  /** The least size of a part but the last. */
  readonly partBytes: number;
  /** Follows a signed link like a browser. */
  readonly follow: (url: string, request?: LinkRequest) => Promise<LinkAnswer>;
}
export interface LinkRequest {
  readonly method?: "GET" | "PUT";
  readonly body?: string;
  readonly contentType?: string;
  readonly contentDisposition?: string;
}
export interface LinkAnswer {
  readonly status: number;
  readonly body: Uint8Array;
  readonly headers: Readonly<Record<string, string>>;
}

const md5 = (...bodies: readonly (Uint8Array | string)[]): string => {
  const hash = createHash("md5");
  for (const body of bodies) hash.update(body);
  return hash.digest("hex");
};
const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);

/** Keys that break naive encoding somewhere between here and S3. */
const WEIRD_KEYS: readonly string[] = [
  "with space",
  "plus+sign",
  "percent%2Fencoded",
  "bare%percent",
  "emoji-😀-ÿ-日本",
  "a//b/.c/",
  "q?x=1&y=2#frag",
  "quote'\"<>`;$,:@=!*()",
  "back\\slash",
  "tab\tand\u0001control",
];
const longKey = (prefix: string): string =>
  prefix +
  "é".repeat((1_000 - prefix.length) / 2).padEnd(1_000 - prefix.length - Math.floor((1_000 - prefix.length) / 2), "x");

/** Every sentence of core/ports/object-store.ts. */
export function objectStoreSuite(subject: () => StoreUnderTest, known: Known = {}): void {
  const place = (key = unique("k")) => ({ bucket: subject().bucket, key });
  const nowhere = () => ({ bucket: unique("no-such-bucket"), key: "k" });
  const collect = async (blocks: AsyncIterable<Uint8Array>) => {
    const all: Uint8Array[] = [];
    for await (const block of blocks) all.push(block);
    return Buffer.concat(all);
  };

  describe("put, head, get", () => {
    it("gives back the bytes with S3's etag", async () => {
      const { store } = subject();
      const at = place();
      const body = Uint8Array.from({ length: 1_000 }, (_, i) => i % 256);

      const { etag } = await store.put(at, body, { contentType: "text/csv" });

      expect(etag).toBe(`"${md5(body)}"`);
      expect(await store.head(at)).toMatchObject({ ...at, size: 1_000, etag });
      expect(Date.parse((await store.head(at)).lastModified ?? "")).not.toBeNaN();
      expect(Buffer.from(await store.get(at)).equals(body)).toBe(true);
    });

    it("takes a text as UTF-8, and nothing at all", async () => {
      const { store } = subject();
      const [some, none] = [place(), place()];
      await store.put(some, "é😀");
      await store.put(none, "");

      expect(text(await store.get(some))).toBe("é😀");
      expect(await store.head(none)).toMatchObject({ size: 0, etag: `"${md5("")}"` });
      expect(await store.get(none)).toHaveLength(0);
      expect(await collect(store.stream(none))).toHaveLength(0);
    });

    it("says what is missing", async () => {
      const { store } = subject();
      await expectCode(store.head(place()), "OBJECT_MISSING");
      await expectCode(store.head(nowhere()), "BUCKET_MISSING");
      await expectCode(store.get(place()), "OBJECT_MISSING");
      await expectCode(store.get(nowhere()), "BUCKET_MISSING");
      await expectCode(collect(store.stream(place())), "OBJECT_MISSING");
      await expectCode(collect(store.stream(nowhere())), "BUCKET_MISSING");
      await expectCode(store.put(nowhere(), "x"), "BUCKET_MISSING");
      await expectCode(store.list(nowhere().bucket, ""), "BUCKET_MISSING");
      await expectCode(store.createUpload(nowhere()), "BUCKET_MISSING");
    });

    it("cuts ranges as the port says", async () => {
      const { store } = subject();
      const [at, empty] = [place(), place()];
      await store.put(at, "0123456789");
      await store.put(empty, "");
      const range = (from: number, to: number) => ({ range: { from, to } });

      expect(text(await store.get(at, range(2, 5)))).toBe("234");
      expect(text(await store.get(at, range(9, 10)))).toBe("9");
      expect(text(await store.get(at, range(8, 99)))).toBe("89");
      expect(await store.get(at, range(4, 4))).toHaveLength(0);
      expect(await store.get(place("not even there"), range(4, 4))).toHaveLength(0);
      expect(text(await collect(store.stream(at, range(1, 3))))).toBe("12");
      expect(await collect(store.stream(at, range(3, 3)))).toHaveLength(0);
      for (const [from, to] of [
        [10, 11],
        [5, 4],
        [-1, 4],
        [0.5, 4],
      ] as const) {
        await expectCode(store.get(at, range(from, to)), "RANGE_INVALID");
        await expectCode(collect(store.stream(at, range(from, to))), "RANGE_INVALID");
      }
      await expectCode(store.get(empty, range(0, 1)), "RANGE_INVALID");
    });

    it("reads only what If-Match names", async () => {
      const { store } = subject();
      const at = place();
      const { etag } = await store.put(at, "first");

      expect(text(await store.get(at, { ifMatch: etag, range: { from: 0, to: 2 } }))).toBe("fi");
      await store.put(at, "second");
      await expectCode(store.get(at, { ifMatch: etag }), "PRECONDITION_FAILED");
      await expectCode(collect(store.stream(at, { ifMatch: etag })), "PRECONDITION_FAILED");
      await expectCode(store.get(place(), { ifMatch: etag }), "OBJECT_MISSING");
    });

    it("writes only on its precondition", async () => {
      const { store } = subject();
      const at = place();
      const { etag } = await store.put(at, "first", { ifNoneMatch: "*" });

      await expectCode(store.put(at, "other", { ifNoneMatch: "*" }), "PRECONDITION_FAILED");
      const second = await store.put(at, "second", { ifMatch: etag });
      await expectCode(store.put(at, "third", { ifMatch: etag }), "PRECONDITION_FAILED");
      await expectCode(store.put(place(), "x", { ifMatch: etag }), "PRECONDITION_FAILED");

      expect((await store.head(at)).etag).toBe(second.etag);
    });

    it("streams a big body in blocks, and lets its reader leave early", async () => {
      const { store } = subject();
      const at = place();
      const body = Buffer.alloc(3_000_000, "0123456789");
      await store.put(at, body);
      let blocks = 0;

      for await (const block of store.stream(at)) {
        expect(block.length).toBeGreaterThan(0);
        if (++blocks === 2) break;
      }

      expect(blocks).toBe(2);
      expect((await collect(store.stream(at))).equals(body)).toBe(true);
    });

    it("doesn't share its bytes with the caller", async () => {
      const { store } = subject();
      const at = place();
      const body = Buffer.from("abc");
      await store.put(at, body);
      body.fill("x");
      (await store.get(at)).fill(0);

      expect(text(await store.get(at))).toBe("abc");
    });
  });

  describe("keys", () => {
    it.each([...WEIRD_KEYS, "long"])("carries %j through every call", async (name) => {
      const { store, bucket, partBytes } = subject();
      const prefix = `${unique("w")}/`;
      const key = name === "long" ? longKey(prefix) : prefix + name;
      const [at, copy] = [place(key), place(`${prefix}copy/${name === "long" ? "l" : name}`)];
      const body = Buffer.alloc(partBytes + 1, "k");

      const { etag } = await store.put(at, body);
      const { uploadId } = await store.createUpload(copy);
      expect((await store.listUploads(bucket, prefix)).map((upload) => upload.key)).toEqual([copy.key]);
      const part = await store.uploadPartCopy(copy, uploadId, 1, { ...at, etag, range: { from: 0, to: partBytes } });
      await store.completeUpload(copy, uploadId, [part]);
      const link = await subject().follow(await store.presignGet(at, { expiresIn: 60 }));

      expect(Buffer.byteLength(key)).toBeLessThanOrEqual(1_024);
      expect(await store.head(at)).toMatchObject({ key, size: partBytes + 1 });
      expect(link.status).toBe(200);
      expect(Buffer.from(link.body).equals(body)).toBe(true);
      expect(await store.get(copy)).toHaveLength(partBytes);
      const listed = await store.list(bucket, prefix);
      expect(new Set(listed.objects.map((object) => object.key))).toEqual(new Set([key, copy.key]));
      await store.delete(bucket, [key, copy.key]);
      expect((await store.list(bucket, prefix)).objects).toEqual([]);
    });

    it("refuses an empty key and one over 1,024 bytes", async () => {
      const { store } = subject();
      for (const key of ["", "é".repeat(513)]) {
        await expectCode(store.put(place(key), "x"), "STORE_REQUEST_INVALID");
        await expectCode(store.createUpload(place(key)), "STORE_REQUEST_INVALID");
      }
    });
  });

  describe("list, delete", () => {
    const lists = async (names: readonly string[]) => {
      const { store, bucket } = subject();
      const prefix = `${unique("l")}/`;
      for (const name of [...names].reverse()) await store.put({ bucket, key: prefix + name }, name);
      const keys = names.map((name) => prefix + name);
      const walk = async (limit: number, after?: string) => {
        const found: string[] = [];
        let cursor: string | undefined;
        do {
          const options = {
            limit,
            ...(after === undefined ? {} : { after }),
            ...(cursor === undefined ? {} : { cursor }),
          };
          const page = await store.list(bucket, prefix, options);
          expect(page.objects.length).toBeGreaterThan(0);
          found.push(...page.objects.map(({ key }) => key));
          cursor = page.cursor;
        } while (cursor !== undefined);
        return found;
      };

      expect(await walk(1_000)).toEqual(keys);
      expect(await walk(3)).toEqual(keys);
      expect(await walk(4)).toEqual(keys);
      expect(await walk(2, `${prefix}a/1`)).toEqual(keys.slice(3));
      expect(await walk(9, `${prefix}a/`)).toEqual(keys.slice(2));
      expect((await store.list(bucket, `${prefix}a`)).objects.map(({ key }) => key)).toEqual(keys.slice(1, 4));
      expect(await store.list(bucket, `${prefix}none`)).toEqual({ objects: [] });
      const [first] = (await store.list(bucket, prefix)).objects;
      expect(first).toMatchObject({ bucket, key: `${prefix}A`, size: 1, etag: `"${md5("A")}"` });
    };

    it("lists in the byte order of the keys, by prefix, from a key on, in pages", async () => {
      await lists(["A", "a", "a/1", "a0", "b", "c d", "c+d"].sort());
    });

    itUnless(known, "keys beyond ASCII", "does so with keys beyond ASCII", async () => {
      await lists(["A", "a", "a/1", "a0", "b", "é", "\uffee", "😀"]);
    });

    it("refuses a cursor that it didn't give out", async () => {
      const { store, bucket } = subject();
      await expectCode(store.list(bucket, "", { cursor: "rubbish" }), "CURSOR_INVALID");
    });

    it("gives at most 1,000 a page and deletes any number at once, missing ones too", async () => {
      const { store, bucket } = subject();
      const prefix = `${unique("d")}/`;
      const keys = Array.from({ length: 1_005 }, (_, i) => `${prefix}${String(i).padStart(4, "0")}`);
      for (let i = 0; i < keys.length; i += 67) {
        await Promise.all(keys.slice(i, i + 67).map((key) => store.put({ bucket, key }, "")));
      }
      const page = await store.list(bucket, prefix, { limit: 5_000 });
      expect([page.objects.length, page.cursor === undefined]).toEqual([1_000, false]);

      await store.delete(bucket, [...keys.slice(1), `${prefix}none`]);
      await store.delete(bucket, []);

      expect((await store.list(bucket, prefix)).objects.map(({ key }) => key)).toEqual([keys[0]]);
      await expectCode(store.delete(nowhere().bucket, ["k"]), "BUCKET_MISSING");
    });
  });

  describe("multipart", () => {
    const upload = async (bodies: readonly string[]) => {
      const { store } = subject();
      const at = place();
      const { uploadId } = await store.createUpload(at);
      const parts: UploadedPart[] = [];
      for (const [i, body] of bodies.entries())
        parts.push(await store.uploadPart(at, uploadId, i + 1, Buffer.from(body)));
      return { store, at, uploadId, parts };
    };
    const full = (letter: string) => letter.repeat(subject().partBytes);

    it("joins parts in order under S3's etag, and shows nothing before", async () => {
      const { store, at, uploadId, parts } = await upload([full("a"), full("b"), "tail"]);
      await expectCode(store.head(at), "OBJECT_MISSING");

      const { etag } = await store.completeUpload(at, uploadId, parts, { size: 2 * subject().partBytes + 4 });

      const digests = [full("a"), full("b"), "tail"].map((body) => createHash("md5").update(body).digest());
      expect(parts.map((part) => part.etag)).toEqual(digests.map((digest) => `"${digest.toString("hex")}"`));
      expect(etag).toBe(`"${md5(Buffer.concat(digests))}-3"`);
      expect(await store.head(at)).toMatchObject({ etag, size: 2 * subject().partBytes + 4 });
      expect(text(await store.get(at)) === `${full("a")}${full("b")}tail`).toBe(true);
    });

    it("makes an empty object of one empty part", async () => {
      const { store, at, uploadId, parts } = await upload([""]);

      await store.completeUpload(at, uploadId, parts, { size: 0 });

      expect(await store.head(at)).toMatchObject({ size: 0, etag: `"${md5(createHash("md5").digest())}-1"` });
    });

    it("replaces a part that is sent again, and leaves out parts that aren't named", async () => {
      const { store, at, uploadId, parts } = await upload([full("a"), full("b"), "unnamed"]);
      const again = await store.uploadPart(at, uploadId, 1, Buffer.from(full("c")));
      const [old, second] = parts as [UploadedPart, UploadedPart];

      await expectCode(store.completeUpload(at, uploadId, [old, second]), "PARTS_INVALID");
      await store.completeUpload(at, uploadId, [again, second]);

      expect(text(await store.get(at)) === full("c") + full("b")).toBe(true);
    });

    it("refuses parts that can't be joined, and the upload lives on", async () => {
      const { store, at, uploadId, parts } = await upload([full("a"), "tail"]);
      const [first, tail] = parts as [UploadedPart, UploadedPart];
      const refused = (list: readonly UploadedPart[]) =>
        expectCode(store.completeUpload(at, uploadId, list), "PARTS_INVALID");

      await refused([]);
      await refused([tail, first]);
      await refused([first, first]);
      await refused([first, { partNumber: 3, etag: tail.etag }]);
      await expectCode(store.uploadPart(at, uploadId, 0, Buffer.from("x")), "PARTS_INVALID");
      await expectCode(store.uploadPart(at, uploadId, 10_001, Buffer.from("x")), "PARTS_INVALID");

      await store.completeUpload(at, uploadId, [first, tail]);
      expect((await store.head(at)).size).toBe(subject().partBytes + 4);
    });

    itUnless(known, "small parts", "refuses a part under the least size that isn't the last", async () => {
      const { store, at, uploadId, parts } = await upload(["small", "tail"]);

      await expectCode(store.completeUpload(at, uploadId, parts), "PARTS_INVALID");
    });

    it("refuses another size than expected, and nothing appears", async () => {
      const { store, at, uploadId, parts } = await upload(["0123456789"]);

      await expectCode(store.completeUpload(at, uploadId, parts, { size: 11 }), "SIZE_MISMATCH");
      await expectCode(store.head(at), "OBJECT_MISSING");
      await store.completeUpload(at, uploadId, parts, { size: 10 });
    });

    it("appears only on its precondition", async () => {
      const one = await upload(["one"]);
      const { store, at } = one;
      const { etag } = await store.completeUpload(at, one.uploadId, one.parts, { ifNoneMatch: "*" });
      const { uploadId } = await store.createUpload(at);
      const parts = [await store.uploadPart(at, uploadId, 1, Buffer.from("two"))];

      await expectCode(store.completeUpload(at, uploadId, parts, { ifNoneMatch: "*" }), "PRECONDITION_FAILED");
      await expectCode(store.completeUpload(at, uploadId, parts, { ifMatch: '"other"' }), "PRECONDITION_FAILED");
      expect(text(await store.get(at))).toBe("one");
      await store.completeUpload(at, uploadId, parts, { ifMatch: etag });
      expect(text(await store.get(at))).toBe("two");

      const fresh = await upload(["x"]);
      await expectCode(
        store.completeUpload(fresh.at, fresh.uploadId, fresh.parts, { ifMatch: etag }),
        "PRECONDITION_FAILED",
      );
    });

    it("answers a repeated completion with the same etag or UPLOAD_MISSING", async () => {
      const { store, at, uploadId, parts } = await upload(["once"]);
      const { etag } = await store.completeUpload(at, uploadId, parts);

      const again = await store.completeUpload(at, uploadId, parts).then(
        (answer) => answer.etag,
        (error: { code?: string }) => error.code,
      );

      expect([etag, "UPLOAD_MISSING"]).toContain(again);
      expect(text(await store.get(at))).toBe("once");
    });

    it("copies parts, whole or by range, and only of the source it was told", async () => {
      const { store, partBytes } = subject();
      const [source, at] = [place(), place()];
      const body = full("s") + full("t");
      const { etag } = await store.put(source, body);
      const { uploadId } = await store.createUpload(at);
      const copy = (from: Parameters<ObjectStore["uploadPartCopy"]>[3]) => store.uploadPartCopy(at, uploadId, 2, from);

      const whole = await store.uploadPartCopy(at, uploadId, 1, { ...source, etag });
      const cut = await copy({ ...source, etag, range: { from: 1, to: partBytes + 1 } });
      await expectCode(copy({ ...source, etag: `"${md5("other")}"` }), "PRECONDITION_FAILED");
      await expectCode(copy({ ...place(), etag }), "OBJECT_MISSING");
      await expectCode(copy({ ...source, etag, range: { from: 0, to: body.length + 1 } }), "RANGE_INVALID");
      await expectCode(copy({ ...source, etag, range: { from: 3, to: 3 } }), "RANGE_INVALID");
      await store.completeUpload(at, uploadId, [whole, cut]);

      expect(whole.etag).toBe(`"${md5(body)}"`);
      expect(text(await store.get(at)) === body + body.slice(1, partBytes + 1)).toBe(true);
    });

    itUnless(known, "small sources", "copies no range of a source of 5 MiB or less", async () => {
      const { store } = subject();
      const [source, at] = [place(), place()];
      const { etag } = await store.put(source, "0123456789");
      const { uploadId } = await store.createUpload(at);

      await expectCode(
        store.uploadPartCopy(at, uploadId, 1, { ...source, etag, range: { from: 0, to: 5 } }),
        "RANGE_INVALID",
      );
      await store.completeUpload(at, uploadId, [await store.uploadPartCopy(at, uploadId, 1, { ...source, etag })]);
      expect(text(await store.get(at))).toBe("0123456789");
    });

    it("aborts for good, twice too, and an aborted upload takes nothing any more", async () => {
      const { store, at, uploadId, parts } = await upload(["x"]);
      const other = await upload(["y"]);

      await store.abortUpload(at, uploadId);
      await store.abortUpload(at, uploadId);

      await expectCode(store.uploadPart(at, uploadId, 2, Buffer.from("x")), "UPLOAD_MISSING");
      await expectCode(store.completeUpload(at, uploadId, parts), "UPLOAD_MISSING");
      await expectCode(store.head(at), "OBJECT_MISSING");
      await store.completeUpload(other.at, other.uploadId, other.parts);
    });

    it("lists the uploads under way by prefix", async () => {
      const { store, bucket } = subject();
      const prefix = unique("u");
      const started = new Map<string, string>();
      for (const name of ["b", "a", "c d+%"]) {
        const key = `${prefix}/${name}`;
        started.set(key, (await store.createUpload({ bucket, key })).uploadId);
      }
      await store.createUpload(place());

      const found = await store.listUploads(bucket, prefix);

      expect(new Map(found.map(({ key, uploadId }) => [key, uploadId]))).toEqual(started);
      expect(found.map(({ key }) => key)).toEqual([...started.keys()].sort());
      expect(found.every(({ initiated }) => !Number.isNaN(Date.parse(initiated)))).toBe(true);
      for (const { key, uploadId } of found) await store.abortUpload({ bucket, key }, uploadId);
      expect(await store.listUploads(bucket, prefix)).toEqual([]);
    });
  });

  describe("links", () => {
    it("gets an object under the name to save it by", async () => {
      const { store, follow } = subject();
      const at = place();
      await store.put(at, "content", { contentType: "text/csv" });

      const plain = await follow(await store.presignGet(at, { expiresIn: 60 }));
      const named = await follow(await store.presignGet(at, { expiresIn: 60, downloadName: 'größe "1" 😀.csv' }));

      expect([plain.status, text(plain.body), plain.headers["content-type"]]).toEqual([200, "content", "text/csv"]);
      expect(plain.headers["content-disposition"]).toBeUndefined();
      expect(named.headers["content-disposition"]).toBe(
        `attachment; filename="gr__e _1_ __.csv"; filename*=UTF-8''gr%C3%B6%C3%9Fe%20%221%22%20%F0%9F%98%80.csv`,
      );
      expect((await follow(await store.presignGet(place(), { expiresIn: 60 }))).status).toBe(404);
    });

    it("puts an object with any Content-Type and Content-Disposition", async () => {
      const { store, follow } = subject();
      const at = place("dir/ä +%2F.csv");
      const url = await store.presignPut(at, { expiresIn: 60 });

      const answer = await follow(url, {
        method: "PUT",
        body: "sent",
        contentType: "application/x-anything",
        contentDisposition: "attachment",
      });

      expect(answer.status).toBe(200);
      expect(text(await store.get(at))).toBe("sent");
      expect((await follow(url, { method: "GET" })).status).toBe(403);
    });

    it("puts a part", async () => {
      const { store, follow } = subject();
      const at = place();
      const { uploadId } = await store.createUpload(at);

      const answer = await follow(await store.presignPart(at, uploadId, 1, { expiresIn: 60 }), {
        method: "PUT",
        body: "part",
      });
      await store.completeUpload(at, uploadId, [{ partNumber: 1, etag: answer.headers.etag ?? "" }]);

      expect(text(await store.get(at))).toBe("part");
    });

    it("lives at most an hour", async () => {
      const { store } = subject();
      for (const expiresIn of [0, 3_601, 1.5]) {
        await expectCode(store.presignGet(place(), { expiresIn }), "STORE_REQUEST_INVALID");
        await expectCode(store.presignPut(place(), { expiresIn }), "STORE_REQUEST_INVALID");
        await expectCode(store.presignPart(place(), "u", 1, { expiresIn }), "STORE_REQUEST_INVALID");
      }
    });
  });
}
