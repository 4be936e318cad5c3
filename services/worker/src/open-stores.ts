import {
  BuildResultStore,
  BuildStore,
  type Database,
  GithubAppStore,
  GithubDeliveryStore,
  GithubInstallationStore,
  GithubMemberStore,
  GithubPullRequestStore,
  GithubReportStore,
  GithubRepositoryStore,
  PlanStore,
  ProofStore,
  SweepStore,
} from '@wherry/db';
import type { Outside } from './assemble';

/** Everything that the worker keeps in the database. */
export function openStores(db: Database): Outside['stores'] {
  return {
    plans: new PlanStore(db),
    builds: new BuildStore(db),
    results: new BuildResultStore(db),
    proofs: new ProofStore(db),
    sweep: new SweepStore(db),
    reports: new GithubReportStore(db),
    github: {
      apps: new GithubAppStore(db),
      deliveries: new GithubDeliveryStore(db),
      installations: new GithubInstallationStore(db),
      members: new GithubMemberStore(db),
      pulls: new GithubPullRequestStore(db),
      repositories: new GithubRepositoryStore(db),
    },
  };
}
