import { DomainError } from '@wherry/problem';
import type { Request } from 'express';

/**
 * Reads a JSON body of at most `maxBytes`. It is read only after the caller was let in, so strangers cannot make the
 * api hold anything.
 * @throws DomainError `request.too_large`, or `request.invalid` when it is not JSON.
 */
export async function readJsonBody(request: Request, maxBytes: number): Promise<unknown> {
  if (!request.is('application/json')) {
    throw new DomainError('request.invalid', 'Send a JSON body with the content type application/json.');
  }
  const tooLarge = new DomainError('request.too_large', `The body may have at most ${maxBytes} bytes.`);
  if (Number(request.headers['content-length'] ?? 0) > maxBytes) throw tooLarge;
  const chunks: Buffer[] = [];
  let byteCount = 0;
  for await (const chunk of request.iterator({ destroyOnReturn: false })) {
    byteCount += (chunk as Buffer).length;
    if (byteCount > maxBytes) throw tooLarge;
    chunks.push(chunk as Buffer);
  }
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(chunks)));
  } catch (cause) {
    throw new DomainError('request.invalid', 'The body is not valid JSON.', { cause });
  }
}
