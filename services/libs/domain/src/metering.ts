/** MiB-milliseconds in one GB-second: 1 GiB (1,024 MiB) for 1,000 ms. */
export const mibMsPerGbSecond = 1_024_000;

/** What one invocation is billed: configured memory in MiB × duration in whole milliseconds, rounded up. */
export function invocationMibMs(memoryMiB: number, durationMs: number): number {
  return memoryMiB * Math.max(1, Math.ceil(durationMs));
}

/** GB-seconds for people, from the integer that is stored. */
export function toGbSeconds(mibMs: number): number {
  return mibMs / mibMsPerGbSecond;
}
