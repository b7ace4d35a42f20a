/** Bytes and milliseconds of one hand, for the claim index. Calls that overlap count side by side. */
export class Meter {
  downloadBytes = 0;
  uploadBytes = 0;
  downloadMs = 0;
  processMs = 0;
  uploadMs = 0;

  async download(get: () => Promise<Uint8Array>): Promise<Uint8Array> {
    const start = performance.now();
    try {
      const bytes = await get();
      this.downloadBytes += bytes.length;
      return bytes;
    } finally {
      this.downloadMs += performance.now() - start;
    }
  }

  async upload<T>(bytes: number, put: () => Promise<T>): Promise<T> {
    const start = performance.now();
    try {
      const answer = await put();
      this.uploadBytes += bytes;
      return answer;
    } finally {
      this.uploadMs += performance.now() - start;
    }
  }
}
