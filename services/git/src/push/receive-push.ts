import type { ServerResponse } from 'node:http';
import type { Readable } from 'node:stream';
import {
  RepositoryOnGithubError,
  TooManyRepositoriesError,
  type GitIdentity,
  type GitRepository,
  type RefStore,
  type Settled,
  type WatchedPush,
} from '@wherry/db';
import { describeError, type Log } from '@wherry/logging';
import type { GitTool } from '../adapters/git-tool';
import type { Repositories } from '../adapters/repositories';
import { readCgiHead } from '../protocol/cgi';
import { feed } from '../protocol/feed';
import { PacketError } from '../protocol/pkt-line';
import { readPushHead } from '../protocol/read-push-head';
import { hasSideband, isDeletion, refusalReply, zeroSha, type PushHead, type Refusal } from '../protocol/receive-pack';
import type { KeyedLock } from '../repository/keyed-lock';
import { inMiB, type GitLimits } from '../repository/limits';
import type { Upkeep } from '../repository/upkeep';
import { judgePush, notDeployedLines, refOfBranch, refuseAll } from './policy';
import { PushReply } from './push-reply';

export type PushRequest = Readonly<{
  identity: GitIdentity;
  repositoryName: string;
  body: Readable;
  protocol: string;
  response: ServerResponse;
}>;

/** What a push came to, when the reply is still open for the deployment's progress. */
export type Landed = Readonly<{ reply: PushReply; watched: WatchedPush; branch: string }>;

/** A push that was let in: what it moves, where, and how it ended. */
type Admitted = Readonly<{ repository: GitRepository; startedAt: Date }>;

/** How much of a body that is too large is still read, so that the client gets to read why it is refused. */
const patience = 5;

/** Bytes of room below which a repository counts as full. */
const leastRoom = 1024 * 1024;

/** Takes in one push: rules, intent, git, ledger. One push per repository at a time. */
export class ReceivePush {
  constructor(
    private readonly store: RefStore,
    private readonly disk: Readonly<{ repositories: Repositories; git: GitTool; upkeep: Upkeep }>,
    private readonly lock: KeyedLock,
    private readonly limits: GitLimits,
    private readonly newId: (kind: 'repository' | 'push') => string,
    private readonly log: Log,
  ) {}

  /** Answers the push, unless production moved: then the reply is given back open. */
  async receive(request: PushRequest): Promise<Landed | null> {
    const head = await readPushHead(request.body).catch((error: unknown) => {
      if (error instanceof PacketError) return error;
      throw error;
    });
    if (head instanceof PacketError) {
      await this.drain(request.body);
      new PushReply(request.response, true).endFatally(head.message);
      return null;
    }
    const reply = new PushReply(request.response, hasSideband(head));
    if (head.updates.length === 0) {
      // Before a large push a client sends a lone flush, to find out whether it will be let in.
      await this.drain(request.body);
      reply.endWith(Buffer.alloc(0));
      return null;
    }
    const key = `${request.identity.tenantId}/${request.repositoryName}`;
    return this.lock.run(key, () => this.receiveAlone(request, head, reply));
  }

  private async receiveAlone(
    request: PushRequest,
    head: PushHead & { consumed: Buffer },
    reply: PushReply,
  ): Promise<Landed | null> {
    const admitted = await this.admit(request, head);
    if ('reasons' in admitted) {
      await this.drain(request.body);
      reply.endWith(refusalReply(head, admitted));
      return null;
    }
    const { repository } = admitted;
    await this.runBackend(request, head, repository, reply);
    const settled = await this.settle(repository, head);
    if (settled === null) {
      await reply.say('The push is stored, but the platform cannot write it down now. It is deployed once it can.');
      reply.end();
      return null;
    }
    this.disk.upkeep.afterPush(repository);
    const landed = head.updates.filter(({ ref, newSha }) => (settled.seen.get(ref) ?? zeroSha) === newSha);
    for (const line of notDeployedLines(landed, settled.productionBranch)) await reply.say(line);
    const branch = settled.productionBranch;
    const production = landed.find(({ ref }) => branch !== null && ref === refOfBranch(branch));
    // Without a second band there is no way to tell the progress.
    if (branch === null || production === undefined || isDeletion(production) || !hasSideband(head)) {
      reply.end();
      return null;
    }
    const watched = {
      repositoryId: repository.id,
      ref: production.ref,
      commitSha: production.newSha,
      since: admitted.startedAt,
    };
    return { reply, watched, branch };
  }

  /** Judges the push and writes down its intent, or says why not. */
  private async admit(request: PushRequest, head: PushHead): Promise<Admitted | Refusal> {
    const { tenantId } = request.identity;
    const found = await this.store.find(tenantId, request.repositoryName);
    const refusal = judgePush(head.updates, found?.productionBranch ?? null) ?? (await this.judgeSize(found, head));
    if (refusal !== null) return refusal;
    const wish = {
      name: request.repositoryName,
      newId: this.newId('repository'),
      maxRepositories: this.limits.repositories,
    };
    try {
      const updates = head.updates.map((update) => ({ ...update, pushId: this.newId('push') }));
      const begun = await this.store.begin(tenantId, wish, updates);
      const place = { tenantId, repositoryId: begun.repository.id };
      await this.disk.repositories.ensure(place);
      const { productionBranch } = begun.repository;
      // It may have been chosen in the console since; git itself never deletes the default branch.
      if (productionBranch !== null) {
        await this.disk.repositories.setDefaultBranch(place, refOfBranch(productionBranch));
      }
      return begun;
    } catch (error) {
      if (error instanceof RepositoryOnGithubError) {
        const explanation = 'This repository is deployed from GitHub: push there, or choose another name.';
        return refuseAll(head.updates, 'the repository is on GitHub', [explanation]);
      }
      if (!(error instanceof TooManyRepositoriesError)) throw error;
      const explanation = `This tenant already has ${this.limits.repositories} repositories, which is the most it may have.`;
      return refuseAll(head.updates, 'too many repositories', [explanation]);
    }
  }

  private async judgeSize(found: GitRepository | null, head: PushHead): Promise<Refusal | null> {
    const made = head.updates.filter(({ oldSha }) => oldSha === zeroSha).length;
    if (made > 0 && (found?.refCount ?? 0) + made > this.limits.refs) {
      return refuseAll(head.updates, 'too many refs', [
        `A repository may have ${this.limits.refs} branches and tags: delete some that are not needed.`,
      ]);
    }
    if (found === null || head.updates.every(isDeletion)) return null;
    if ((await this.room(found)) >= leastRoom) return null;
    return refuseAll(head.updates, 'the repository is full', [
      `A repository may hold ${inMiB(this.limits.repositoryBytes)}, and this one has no room left.`,
      'Remove large files from its history, or push to a repository with another name.',
    ]);
  }

  private async room(repository: GitRepository): Promise<number> {
    return this.limits.repositoryBytes - (await this.disk.upkeep.size(repository));
  }

  private async runBackend(
    request: PushRequest,
    head: PushHead & { consumed: Buffer },
    repository: GitRepository,
    reply: PushReply,
  ): Promise<void> {
    const place = { tenantId: repository.tenantId, repositoryId: repository.id };
    const room = await this.room(repository);
    // Zero would mean no limit to git; a push into a full repository can only delete.
    const maxBytes = Math.max(1, Math.min(this.limits.pushBytes, room));
    const backend = this.disk.git.backend(
      {
        ...{ method: 'POST', pathInfo: `${this.disk.repositories.pathInfo(place)}/git-receive-pack`, query: '' },
        ...{ contentType: 'application/x-git-receive-pack-request', contentEncoding: '', protocol: request.protocol },
        settings: { 'receive.maxInputSize': String(maxBytes) },
      },
      this.limits.backendMs,
    );
    const fed = feed(head.consumed, request.body, backend.stdin, this.limits.pushBytes * patience);
    try {
      const { body } = await readCgiHead(backend.stdout);
      await reply.relay(body, backend.stdout);
    } catch (error) {
      this.log.write({ op: 'push.backend', ok: false, ...place, message: describeError(error) });
    }
    const [{ bytes }, { ok, complaint }] = await Promise.all([fed, backend.ended]);
    this.disk.upkeep.grew(repository, bytes);
    if (!ok) this.log.write({ op: 'push.backend', ok, ...place, message: complaint });
    if (bytes > maxBytes) {
      const bound = room < this.limits.pushBytes ? 'what this repository has room for' : 'the most for one push';
      await reply.say(`The push is larger than ${inMiB(maxBytes)}, ${bound}: push less, or remove large files.`);
    }
  }

  /** Makes the ledger agree with what git did, whatever git said. Null when the database does not answer. */
  private async settle(
    repository: GitRepository,
    head: PushHead,
  ): Promise<(Settled & { seen: ReadonlyMap<string, string> }) | null> {
    const place = { tenantId: repository.tenantId, repositoryId: repository.id };
    try {
      const only = head.updates.map(({ ref }) => ref);
      const seen = await this.disk.repositories.refs(place, only);
      const settled = await this.store.settle(place.tenantId, {
        repositoryId: repository.id,
        refs: seen,
        only,
        missed: 'refused',
      });
      if (settled.productionBranch !== null && repository.productionBranch === null) {
        await this.disk.repositories.setDefaultBranch(place, refOfBranch(settled.productionBranch));
      }
      return { ...settled, seen };
    } catch (error) {
      this.log.write({ op: 'push.settle', ok: false, ...place, message: describeError(error) });
      return null;
    }
  }

  private async drain(body: Readable): Promise<void> {
    let bytes = 0;
    try {
      for await (const chunk of body) {
        bytes += (chunk as Buffer).length;
        if (bytes > this.limits.pushBytes * patience) return;
      }
    } catch {
      // The client left: there is nobody to answer.
    }
  }
}
