/**
 * CRC-32 (zlib, IEEE 802.3) of joined and cut runs of bytes without reading them. The checksum of a run is a polynomial
 * over GF(2); appending n bytes multiplies it by x^(8n) modulo P (zlib's crc32_combine).
 */
import { crc32 as zlibCrc32 } from "node:zlib";

/** P, bit-reversed: bit 31 is x^0. */
const POLYNOMIAL = 0xedb88320;
const ONE = 0x80000000;

/** @returns the checksum, unsigned; `seed` continues a checksum over earlier bytes. */
export const crc32 = (bytes: Uint8Array, seed = 0): number => zlibCrc32(bytes, seed);

/** The checksum of A followed by B, from both and the length of B in bytes. */
export const crc32Combine = (a: number, b: number, lengthB: number): number => (shifted(a, lengthB) ^ b) >>> 0;

/** The checksum of B, from that of A followed by B, that of A, and the length of B in bytes: A is cut off the front. */
export const crc32Tail = (whole: number, head: number, lengthTail: number): number =>
  (shifted(head, lengthTail) ^ whole) >>> 0;

const shifted = (crc: number, bytes: number): number => multiply(power(bytes), crc);

/** a × b mod P. */
function multiply(a: number, b: number): number {
  let product = 0;
  let rest = b;
  for (let bit = ONE; bit !== 0; bit >>>= 1) {
    if (a & bit) product ^= rest;
    rest = rest & 1 ? (rest >>> 1) ^ POLYNOMIAL : rest >>> 1;
  }
  return product >>> 0;
}

/** x^(2^k) mod P for k = 0…31; from there it repeats, since x^(2^32) = x in GF(2^32). */
const SQUARES: readonly number[] = (() => {
  const squares = [ONE >>> 1];
  for (let k = 1; k < 32; k++) squares.push(multiply(squares[k - 1] ?? 0, squares[k - 1] ?? 0));
  return squares;
})();

/** x^(8 × bytes) mod P. Lengths beyond 2^32 are divided rather than shifted. */
function power(bytes: number): number {
  let result = ONE;
  let k = 3;
  for (let n = bytes; n > 0; n = Math.floor(n / 2)) {
    if (n % 2 === 1) result = multiply(SQUARES[k % 32] ?? 0, result);
    k++;
  }
  return result;
}

/** As it is shown to users: "crc32:0a1b2c3d". */
export const showCrc32 = (crc: number): string => `crc32:${crc.toString(16).padStart(8, "0")}`;
