export * from './build-daemon-wish-store';
export type { BuildLogLine, BuildRecords } from './build-records';
export * from './build-result-store';
export { BuildStore, type BuildLease, type BuildState, type ClaimedBuild } from './build-store';
export * from './github-app-store';
export * from './github-delivery-store';
export * from './github-installation-store';
export * from './github-member-store';
export * from './github-pull-request-store';
export * from './github-report-store';
export * from './github-repository-store';
export {
  PlanStore,
  type GithubPlace,
  type PlanDecision,
  type PlanKey,
  type PlannedCommit,
  type PlanOutcome,
  type PlanState,
  type PlanSubject,
  type SkipCause,
} from './plan-store';
export type { WantedPreview } from './preview-rows';
export * from './proof-store';
export type { NewToken } from './read-token';
export * from './sweep-store';
