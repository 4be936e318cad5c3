import { z } from 'zod';

/** Where a process of the platform listens or is dialled; both shapes are what `node:http` takes in a request. */
export type ServiceAddress = Readonly<{ socketPath: string }> | Readonly<{ host: string; port: number }>;

/** A unix socket's path has at most 107 bytes (unix(7)). */
const longestSocketPath = 107;

/**
 * `unix:<absolute path>` or `http://<host>:<port>`, as in `WHERRY_GIT_ADDRESS`. The port must be written, and nothing may
 * follow it: this is where somebody listens, and no URL of a page.
 */
export const ServiceAddress = z.string().transform((text, context): ServiceAddress => {
  const address = text.startsWith('unix:') ? socketOf(text.slice('unix:'.length)) : endpointOf(text);
  if (address !== null) return address;
  context.addIssue({ code: 'custom', message: 'An address is unix:<absolute path> or http://<host>:<port>.' });
  return z.NEVER;
});

function socketOf(path: string): ServiceAddress | null {
  return path.startsWith('/') && Buffer.byteLength(path) <= longestSocketPath ? { socketPath: path } : null;
}

function endpointOf(text: string): ServiceAddress | null {
  const [, bracketed, plain, port] =
    /^http:\/\/(?:\[([0-9a-fA-F:.]+)\]|([-._a-zA-Z0-9]+)):(\d{1,5})\/?$/.exec(text) ?? [];
  const host = bracketed ?? plain;
  if (host === undefined || Number(port) < 1 || Number(port) > 65_535) return null;
  return { host, port: Number(port) };
}
