import { casesOf, type StoreCases } from '../../tenancy/cases';
import { PushProgressStore, RefStore } from './index';

const openRefs = (db: ConstructorParameters<typeof RefStore>[0]) =>
  new RefStore(
    db,
    async () => undefined,
    () => null,
  );

export const crossTenantCases: readonly StoreCases[] = [
  casesOf(RefStore, openRefs, {
    find: ({ store, tenantId, theirs }) => store.find(tenantId, theirs.repositoryName),
    begin: ({ store, tenantId, theirs }) => {
      const repository = { name: theirs.repositoryName, newId: `rep_new_${theirs.slug}`, maxRepositories: 0 };
      return store.begin(tenantId, repository, []);
    },
    settle: ({ store, tenantId, theirs }) => {
      const { repositoryId } = theirs;
      return store.settle(tenantId, { repositoryId, refs: new Map(), only: null, missed: 'void' });
    },
  }),
  casesOf(PushProgressStore, (db) => new PushProgressStore(db), {
    read: ({ store, tenantId, theirs: { repositoryId, ref, commitSha } }) =>
      store.read(tenantId, { repositoryId, ref, commitSha, since: new Date(0) }, 0n),
  }),
];
