import { casesOf, type StoreCases } from '../../tenancy/cases';
import { BuildDaemonWishStore, BuildResultStore, BuildStore, PlanStore, ProofStore, SweepStore } from './index';

const lease = { owner: 'other', seconds: 60 };
const token = (id: string) => ({ id: `tok_new_${id}`, hash: Buffer.from(id.padEnd(32, '.')) });
const records = { offset: 10, lines: [], functions: [], notes: ['a note'] };
const routed = `update releases set status = 'routed', routed_version = 1 where tenant_id = $1;
  update deployments set status = 'releasing' where tenant_id = $1`;
const leased = `update deployments set lease_owner = 'other', lease_until = now() where tenant_id = $1`;

export const crossTenantCases: readonly StoreCases[] = [
  casesOf(BuildDaemonWishStore, (db) => new BuildDaemonWishStore(db), {
    want: ({ store, tenantId }) => store.want(tenantId, 'trusted', 60),
    renew: {
      given: `update build_daemons set wanted_until = now() + interval '1 minute' where tenant_id = $1`,
      attempt: ({ store, tenantId }) => store.renew(tenantId, 'trusted', 3600),
    },
    read: ({ store, tenantId }) => store.read(tenantId, 'trusted'),
  }),
  casesOf(BuildStore, (db) => new BuildStore(db), {
    claim: ({ store, tenantId, theirs }) => store.claim(tenantId, theirs.deploymentId, lease, token(theirs.slug)),
    cancelWaiting: {
      given: `update deployments set status = 'queued', cancel_requested_at = now() where tenant_id = $1`,
      attempt: ({ store, tenantId, theirs }) => store.cancelWaiting(tenantId, theirs.deploymentId),
    },
    renew: ({ store, tenantId, theirs }) => store.renew(tenantId, theirs.deploymentId, lease),
    letGo: {
      given: leased,
      attempt: ({ store, tenantId, theirs }) => store.letGo(tenantId, theirs.deploymentId, lease.owner),
    },
    append: ({ store, tenantId, theirs }) => store.append(tenantId, theirs.deploymentId, 0, records),
    countLost: ({ store, tenantId, theirs }) => store.countLost(tenantId, theirs.deploymentId, 0),
    end: ({ store, tenantId, theirs }) => store.end(tenantId, theirs.deploymentId, 'failed', 'No.', null),
  }),
  casesOf(BuildResultStore, (db) => new BuildResultStore(db), {
    complete: ({ store, tenantId, theirs }) => {
      const result = { from: 0, records, functions: [], newReleaseId: `rel_new_${theirs.slug}` };
      return store.complete(tenantId, theirs.deploymentId, result, () => ({ kind: 'failed', reason: 'No.' }));
    },
  }),
  casesOf(PlanStore, (db) => new PlanStore(db), {
    open: ({ store, tenantId, theirs }) => {
      const key = { repositoryId: theirs.repositoryId, rootDir: '.', ref: theirs.ref };
      return store.open(tenantId, key, token(theirs.slug));
    },
    record: ({ store, tenantId, theirs }) => {
      const commit = {
        ...{
          repositoryId: theirs.repositoryId,
          rootDir: '.',
          ref: theirs.ref,
          environment: { id: theirs.environmentId },
        },
        ...{ commitSha: '1'.repeat(40), treeSha: '2'.repeat(40), message: 'new', author: 'someone' },
        ...{ deploymentId: `dep_new_${theirs.slug}`, newestId: theirs.deploymentId, tokenId: theirs.tokenId },
        ...({ trust: 'trusted', isLedgered: true } as const),
      };
      const build = () => ({ kind: 'build' }) as const;
      return store.record(tenantId, commit, build, async () => undefined);
    },
    removeOthers: {
      given: `update deployments set status = 'live' where tenant_id = $1`,
      attempt: ({ store, tenantId, theirs }) => {
        const ids = { deploymentId: `dep_left_${theirs.slug}`, releaseId: `rel_left_${theirs.slug}` };
        return store.removeOthers(tenantId, theirs.repositoryId, ['elsewhere'], () => ids);
      },
    },
    close: ({ store, tenantId, theirs }) => store.close(tenantId, theirs.tokenId),
  }),
  casesOf(ProofStore, (db) => new ProofStore(db), {
    readRouted: {
      given: routed,
      attempt: ({ store, tenantId, theirs }) => store.readRouted(tenantId, theirs.releaseId),
    },
    markLive: {
      given: routed,
      attempt: ({ store, tenantId, theirs }) => store.markLive(tenantId, theirs.releaseId),
    },
    markFailed: {
      given: routed,
      attempt: ({ store, tenantId, theirs }) =>
        store.markFailed(tenantId, theirs.releaseId, 'No.', `rel_new_${theirs.slug}`),
    },
    markSuperseded: {
      given: routed,
      attempt: ({ store, tenantId, theirs }) => store.markSuperseded(tenantId, theirs.releaseId, 'dep_other'),
    },
  }),
  casesOf(SweepStore, (db) => new SweepStore(db), {
    purge: {
      given: `delete from replicas where tenant_id = $1;
        update deployments set status = 'failed' where tenant_id = $1;
        update tenants set deleted_at = now() where id = $1`,
      attempt: ({ store, tenantId }) => store.purge(tenantId),
    },
    removeExpiredTokens: {
      given: `update tokens set created_by = null, scopes = '{git:read}', expires_at = now() - interval '1 minute',
        repository_id = (select id from repositories where tenant_id = $1) where tenant_id = $1`,
      attempt: ({ store, tenantId }) => store.removeExpiredTokens(tenantId),
    },
    removeOldHistory: {
      given: `update pushes set status = 'landed', finished_at = now() - interval '2 days' where tenant_id = $1`,
      attempt: ({ store, tenantId }) => store.removeOldHistory(tenantId, 1),
    },
    removeOldRevisions: {
      given: `delete from routes where tenant_id = $1; delete from pins where tenant_id = $1;
        delete from replicas where tenant_id = $1; update releases set status = 'failed' where tenant_id = $1;
        update deployments set status = 'retired' where tenant_id = $1`,
      attempt: ({ store, tenantId }) => store.removeOldRevisions(tenantId, 0),
    },
  }),
];
