import { PacketError, flush, maxPayload, packet } from './pkt-line';

/** The object name git uses for "there is none": of a ref that is made (old) or deleted (new). */
export const zeroSha = '0'.repeat(40);

export type RefUpdate = Readonly<{ ref: string; oldSha: string; newSha: string }>;

export function isDeletion(update: RefUpdate): boolean {
  return update.newSha === zeroSha;
}

/** What a client asks for at the head of a `git-receive-pack` request. Without updates it only probes the way. */
export type PushHead = Readonly<{ updates: readonly RefUpdate[]; capabilities: ReadonlySet<string> }>;

const command = /^([0-9a-f]+) ([0-9a-f]+) (.+)$/;

/**
 * Reads the update commands from the packets before the first flush (gitprotocol-pack, "Reference Update Request").
 * @throws PacketError with a sentence for the developer when a command is malformed, signed, or not SHA-1.
 */
export function parseCommands(payloads: readonly Buffer[]): PushHead {
  const updates: RefUpdate[] = [];
  let capabilities: ReadonlySet<string> = new Set();
  for (const payload of payloads) {
    const line = payload.toString('utf8').replace(/\n$/, '');
    if (line.startsWith('shallow ')) continue;
    if (line.startsWith('push-cert')) throw new PacketError('Signed pushes are not supported: push without --signed.');
    const [text = '', list] = line.split('\0');
    if (list !== undefined && updates.length === 0) capabilities = new Set(list.split(' ').filter(Boolean));
    const [, oldSha, newSha, ref] = command.exec(text) ?? [];
    if (oldSha === undefined || newSha === undefined || ref === undefined) {
      throw new PacketError('The push holds a malformed update command.');
    }
    if (oldSha.length !== 40 || newSha.length !== 40 || capabilities.has('object-format=sha256')) {
      throw new PacketError('Only repositories with SHA-1 object names can be pushed: this one uses another format.');
    }
    updates.push({ ref, oldSha, newSha });
  }
  return { updates, capabilities };
}

/**
 * What `git receive-pack` would advertise for a repository that has no refs. It lets a first push come in before the
 * repository exists, so that only a push that is let in makes one. Offers nothing that real backends since 2.29 lack.
 */
export function emptyAdvertisement(): Buffer {
  const capabilities = 'report-status report-status-v2 delete-refs side-band-64k quiet atomic ofs-delta';
  return Buffer.concat([
    packet('# service=git-receive-pack\n'),
    flush,
    packet(`${zeroSha} capabilities^{}\0${capabilities} object-format=sha1 agent=git/wherry\n`),
    flush,
  ]);
}

/** One line that the client prints behind `remote: `. */
export function remoteLine(text: string): Buffer {
  return packet(Buffer.concat([Buffer.of(2), Buffer.from(`${text}\n`).subarray(0, maxPayload - 1)]));
}

/** Tells the client that the connection lives; the same empty frame that git itself sends while a hook runs. */
export const keepAlive = packet(Buffer.of(1));

/** Whether the client can read lines for people next to the report. */
export function hasSideband(head: PushHead): boolean {
  return head.capabilities.has('side-band-64k');
}

export type Refusal = Readonly<{
  /** Short reason per ref: git prints it in brackets behind the ref. */
  reasons: ReadonlyMap<string, string>;
  /** Whole sentences for the person: what is wrong and what to do. */
  explanation: readonly string[];
}>;

/** The whole reply to a push of which nothing was done (gitprotocol-pack, "Report Status"). */
export function refusalReply(head: PushHead, refusal: Refusal): Buffer {
  const report = Buffer.concat([
    packet('unpack ok\n'),
    ...[...refusal.reasons].map(([ref, reason]) => packet(`ng ${ref} ${reason}\n`)),
    flush,
  ]);
  const isReported = head.capabilities.has('report-status') || head.capabilities.has('report-status-v2');
  if (!hasSideband(head)) return isReported ? report : Buffer.alloc(0);
  const frames: Buffer[] = refusal.explanation.map(remoteLine);
  for (let start = 0; isReported && start < report.length; start += maxPayload - 1) {
    frames.push(packet(Buffer.concat([Buffer.of(1), report.subarray(start, start + maxPayload - 1)])));
  }
  return Buffer.concat([...frames, flush]);
}
