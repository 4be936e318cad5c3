export * from './build-daemon-wish-store';
export type { BuildLogLine, BuildRecords } from './build-records';
export * from './build-result-store';
export { BuildStore, type BuildLease, type BuildState, type ClaimedBuild } from './build-store';
export * from './github-report-store';
export {
  PlanStore,
  type NewToken,
  type PlanDecision,
  type PlanKey,
  type PlannedCommit,
  type PlanOutcome,
  type PlanState,
  type PlanSubject,
} from './plan-store';
export * from './proof-store';
export * from './sweep-store';
