import { casesOf, type StoreCases } from '../../tenancy/cases';
import {
  BuildDaemonStore,
  FunctionLogStore,
  IdleUsageStore,
  ImageStore,
  PreviewStore,
  ReleaseStore,
  ReplicaStore,
} from './index';

const failed = { state: 'failed', address: null, reason: 'No.' } as const;

export const crossTenantCases: readonly StoreCases[] = [
  casesOf(ReleaseStore, (db) => new ReleaseStore(db), {
    route: {
      given: `update deployments set status = 'releasing' where tenant_id = $1`,
      attempt: ({ store, tenantId, theirs }) => store.route(tenantId, theirs.releaseId),
    },
    finish: ({ store, tenantId, theirs }) =>
      store.finish(tenantId, theirs.releaseId, { release: 'failed', deployment: null, reason: 'No.' }),
  }),
  casesOf(PreviewStore, (db) => new PreviewStore(db), {
    empty: {
      given: `update environments set closed_at = now() where tenant_id = $1 and kind = 'preview'`,
      attempt: ({ store, tenantId, theirs }) => store.empty(tenantId, theirs.previewId),
    },
  }),
  casesOf(ReplicaStore, (db) => new ReplicaStore(db), {
    mirror: ({ store, tenantId, theirs }) => {
      const { replicaId, revisionId } = theirs;
      const crashed = { replicaId, revisionId, state: 'crashed', address: null, reason: 'No.' } as const;
      return store.mirror(tenantId, [{ ...crashed, restarts: 1, startedAtMs: 0 }], [replicaId]);
    },
  }),
  casesOf(FunctionLogStore, (db) => new FunctionLogStore(db), {
    append: ({ store, tenantId, theirs }) => {
      const { replicaId, revisionId } = theirs;
      const chunk = { revisionId, replicaId, firstAtMs: 1, lastAtMs: 1, byteCount: 1 };
      return store.append(tenantId, [{ ...chunk, lines: [[1, 'stdout', '', 'x']] }]);
    },
  }),
  casesOf(IdleUsageStore, (db) => new IdleUsageStore(db), {
    add: ({ store, tenantId, theirs }) =>
      store.add(tenantId, [{ functionId: theirs.functionId, atMs: 1, idleMibMs: 5 }]),
  }),
  casesOf(BuildDaemonStore, (db) => new BuildDaemonStore(db), {
    report: {
      given: `update build_daemons set wanted_until = now() + interval '1 hour' where tenant_id = $1`,
      attempt: ({ store, tenantId }) => store.report(tenantId, 'trusted', failed),
    },
    rest: ({ store, tenantId }) => store.rest(tenantId, 'trusted'),
    remove: ({ store, tenantId }) => store.remove(tenantId, 'trusted'),
  }),
  casesOf(ImageStore, (db) => new ImageStore(db), {
    inUse: ({ store, tenantId }) => store.inUse(tenantId, 24),
  }),
];
