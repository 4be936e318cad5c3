import { once } from 'node:events';
import { chmod } from 'node:fs/promises';
import { relative } from 'node:path';
import { authorityText, DirectWay, ForwardProxy, unlimited } from '@wherry/egress-proxy';

const refusal = 'Builds may reach the configured package registries only.';

/**
 * The only way out of a build's sandbox: an HTTP proxy on a unix socket that connects to the given `host:port` pairs
 * and to nothing else. Names are resolved here, outside, so a sandbox has no name service either.
 * @param onRefused told each refused address once.
 */
export async function openEgress(
  options: Readonly<{ socketPath: string; allowed: ReadonlySet<string>; onRefused: (address: string) => void }>,
): Promise<{ close: () => Promise<void> }> {
  const told = new Set<string>();
  const proxy = new ForwardProxy({
    way: new DirectWay(),
    limits: unlimited,
    admit: (to) => {
      const address = authorityText(to);
      if (options.allowed.has(address)) return null;
      if (told.size < 20 && !told.has(address)) options.onRefused(address);
      told.add(address);
      return refusal;
    },
    // The address alone was told, once: a URL's path is different each time.
    onRefused: () => undefined,
  });
  // Relative to the working directory: the address of a unix socket may have 107 bytes.
  proxy.server.listen(relative(process.cwd(), options.socketPath));
  await once(proxy.server, 'listening');
  await chmod(options.socketPath, 0o666);
  return { close: () => proxy.close(0) };
}
