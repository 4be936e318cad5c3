import { type Authority, parseAuthority } from '@wherry/egress-proxy';

/** `public`: only if it is on the public internet. `inside`: the operator named host and port, so it may be private. */
export type Admission = 'public' | 'inside';

const webPorts = new Set([443, 80]);
const label = '[a-z0-9]([-a-z0-9_]*[a-z0-9])?';
const name = new RegExp(`^(\\*\\.)?${label}(\\.${label})+$`);

/**
 * Names that may be reached. An entry is a name (ports 443 and 80), `*.` and a name (everything below it, and not the
 * name itself), or `host:port` (exactly that, and also where it has a private address).
 */
export class AllowList {
  private readonly names = new Set<string>();
  private readonly suffixes: string[] = [];
  private readonly exact = new Set<string>();

  /** @throws Error naming every entry that is none. */
  constructor(entries: readonly string[]) {
    const bad = entries.filter((entry) => !this.add(entry.toLowerCase()));
    if (bad.length > 0) {
      throw new Error(`These are no names, "*." names or host:port to be allowed: ${bad.join(', ').slice(0, 500)}`);
    }
  }

  /** Null when it may not be reached. */
  find({ host, port }: Authority): Admission | null {
    if (this.exact.has(`${host}:${port}`)) return 'inside';
    if (!webPorts.has(port)) return null;
    if (this.names.has(host)) return 'public';
    return this.suffixes.some((suffix) => host.endsWith(suffix)) ? 'public' : null;
  }

  private add(entry: string): boolean {
    if (name.test(entry)) {
      if (entry.startsWith('*.')) this.suffixes.push(entry.slice(1));
      else this.names.add(entry);
      return true;
    }
    const authority = parseAuthority(entry);
    if (authority === null) return false;
    this.exact.add(`${authority.host}:${authority.port}`);
    return true;
  }
}
