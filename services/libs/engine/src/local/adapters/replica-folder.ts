import { chmodSync, chownSync, existsSync, linkSync, lstatSync, mkdirSync, readdirSync } from 'node:fs';
import { readFileSync, renameSync, rmSync, watch, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { z } from 'zod';
import { untilAborted } from '../../wake';

/** What another engine instance must know to adopt a replica. Holds no secrets. */
export const ReplicaRecord = z.strictObject({
  replicaId: z.string(),
  tenantId: z.string(),
  revisionId: z.string(),
  secretsVersion: z.string(),
  /** Its output may hold secrets. */
  hasSecrets: z.boolean(),
  restarts: z.int(),
  startedAtMs: z.number(),
  isLeaving: z.boolean(),
});
export type ReplicaRecord = z.infer<typeof ReplicaRecord>;

const maxSocketPath = 107; // unix(7)
const healthTimeoutMs = 2000;
const firstWaitMs = 2;
const longestWaitMs = 250;

/**
 * `<runDir>/replicas/<replica id>/`: `replica.json`, `http.sock` once the replica has been healthy, and `own/`, the only
 * part that the replica itself sees and writes to.
 *
 * The gateway connects to `http.sock`, which is a hard link to the socket that the server made. Were it the server's own
 * path, a function could put a symbolic link there and have the gateway speak to the platform's own sockets.
 */
export class ReplicaFolder {
  readonly own: string;
  readonly socket: string;
  private readonly dir: string;

  constructor(runDir: string, replicaId: string) {
    this.dir = join(runDir, 'replicas', replicaId);
    this.own = join(this.dir, 'own');
    this.socket = join(this.dir, 'http.sock');
  }

  static list(runDir: string): string[] {
    const dir = join(runDir, 'replicas');
    return existsSync(dir) ? readdirSync(dir) : [];
  }

  /** Makes everything ready for a (re)start. `uid` owns `own/`; null leaves it to the platform's user. */
  prepare(record: ReplicaRecord, uid: number | null): void {
    if (Buffer.byteLength(join(this.dir, 'candidate.sock')) > maxSocketPath) {
      throw new Error(`The path ${this.dir} is too long for a socket; choose a shorter state folder (WHERRY_HOME).`);
    }
    mkdirSync(this.dir, { recursive: true, mode: 0o700 });
    for (const old of [this.own, this.socket]) rmSync(old, { recursive: true, force: true });
    mkdirSync(this.own, { mode: 0o700 });
    if (uid !== null) chownSync(this.own, uid, uid);
    this.write(record);
  }

  write(record: ReplicaRecord): void {
    const file = join(this.dir, 'replica.json');
    writeFileSync(`${file}.new`, JSON.stringify(record), { mode: 0o600 });
    renameSync(`${file}.new`, file);
  }

  /** Null when there is nothing usable: the start was interrupted, and nothing was started yet. */
  read(): ReplicaRecord | null {
    try {
      return ReplicaRecord.parse(JSON.parse(readFileSync(join(this.dir, 'replica.json'), 'utf8')));
    } catch {
      return null;
    }
  }

  get wasHealthy(): boolean {
    return existsSync(this.socket);
  }

  remove(): void {
    rmSync(this.dir, { recursive: true, force: true });
  }

  /** Resolves when the server has answered its health check, with its socket at `socket`; rejects when aborted. */
  async becomeHealthy(hasOwnUid: boolean, signal: AbortSignal): Promise<void> {
    // The watch starts before the first look, so a socket made in between is not missed.
    const changes = new Changes(this.own);
    try {
      for (let waitMs = firstWaitMs; ; waitMs = Math.min(waitMs * 2, longestWaitMs)) {
        const candidate = this.link();
        if (candidate && (await isHealthy(candidate, signal))) {
          // From now on the replica cannot fill the disk through the one folder it shares with the host.
          if (hasOwnUid) this.seal();
          return renameSync(candidate, this.socket);
        }
        signal.throwIfAborted();
        await changes.next(candidate ? waitMs : longestWaitMs, signal);
      }
    } finally {
      changes.close();
    }
  }

  private seal(): void {
    chownSync(this.own, 0, 0);
    chmodSync(this.own, 0o755);
  }

  /** A link to the server's socket, or null when there is none (yet) or it is something else. */
  private link(): string | null {
    const candidate = join(this.dir, 'candidate.sock');
    try {
      rmSync(candidate, { force: true });
      linkSync(join(this.own, 'http.sock'), candidate);
      // Looked at behind the link, where the replica cannot change it any more.
      if (lstatSync(candidate).isSocket()) return candidate;
      rmSync(candidate, { force: true });
      return null;
    } catch {
      return null;
    }
  }
}

/** Waits for a change in a folder, for so long. */
class Changes {
  private wake: () => void = () => undefined;
  private hasChanged = false;
  private readonly watcher;

  constructor(dir: string) {
    this.watcher = watch(dir, () => {
      this.hasChanged = true;
      this.wake();
    });
    this.watcher.on('error', () => undefined);
  }

  async next(atMostMs: number, signal: AbortSignal): Promise<void> {
    if (!this.hasChanged && !signal.aborted) {
      let timer: NodeJS.Timeout | undefined;
      await untilAborted(signal, (resolve) => {
        timer = setTimeout(resolve, atMostMs);
        this.wake = resolve;
      });
      clearTimeout(timer);
    }
    this.hasChanged = false;
  }

  close(): void {
    this.watcher.close();
  }
}

/** GET /_/health over a unix socket; anything but 200 within the timeout is no. */
export function isHealthy(socketPath: string, signal: AbortSignal): Promise<boolean> {
  return new Promise((resolve) => {
    const options = { socketPath, path: '/_/health', agent: false, signal, timeout: healthTimeoutMs };
    const sent = request({ ...options, headers: { host: 'wherry' } }, (response) => {
      resolve(response.statusCode === 200);
      response.destroy();
    });
    sent.on('timeout', () => sent.destroy()).on('error', () => resolve(false));
    sent.end();
  });
}
