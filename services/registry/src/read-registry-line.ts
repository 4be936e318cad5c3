import type { LogFields } from '@wherry/logging';
import { z } from 'zod';

const Line = z.object({
  msg: z.string().default(''),
  'http.response.status': z.number().optional(),
  'err.code': z.string().optional(),
  'err.message': z.string().optional(),
  'err.detail': z.unknown().optional(),
});
const longest = 2_000;

/**
 * What a line of the registry's log tells operators, in the form of Wherry's own. Null for what went wrong on the
 * client's side: to the registry it is an error that an image is asked for and not there, which each push does.
 */
export function readRegistryLine(line: string): LogFields | null {
  if (line.trim() === '') return null;
  const parsed = parse(line);
  if (parsed === null) return { op: 'registry.say', ok: false, message: line.slice(0, longest) };
  const status = parsed['http.response.status'];
  if (status !== undefined && status < 500) return null;
  const detail = parsed['err.detail'];
  const parts = [parsed.msg, parsed['err.code'], parsed['err.message'], detail && JSON.stringify(detail)];
  const message = parts.filter(Boolean).join('; ').slice(0, longest);
  return { op: 'registry.say', ok: false, message, ...(status !== undefined && { status }) };
}

function parse(line: string): z.infer<typeof Line> | null {
  try {
    return Line.parse(JSON.parse(line));
  } catch {
    return null;
  }
}
