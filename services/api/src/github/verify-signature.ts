import { createHmac, timingSafeEqual } from 'node:crypto';

/** `X-Hub-Signature-256`: `sha256=` and 64 hex digits. @returns the 32 bytes, or null when it has another form. */
export function parseSignature(header: string | undefined): Buffer | null {
  const hex = /^sha256=([0-9a-f]{64})$/.exec(header ?? '')?.[1];
  return hex === undefined ? null : Buffer.from(hex, 'hex');
}

/**
 * Whether the body was signed with one of the secrets. Every secret is tried and each comparison takes the same time, so
 * that nothing can be learned from how long it took (docs.github.com, "Validating webhook deliveries").
 */
export function isSigned(body: Uint8Array, signature: Uint8Array, secrets: readonly Uint8Array[]): boolean {
  const fits = secrets.map((secret) => timingSafeEqual(createHmac('sha256', secret).update(body).digest(), signature));
  return fits.includes(true);
}
