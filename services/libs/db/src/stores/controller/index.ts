export * from './build-daemon-store';
export * from './function-log-store';
export * from './idle-usage-store';
export * from './platform-check-store';
export { ReleaseStore, type ReleaseEnding, type RouteOutcome } from './release-store';
export * from './replica-store';
export * from './sealing-key-store';
export * from './snapshot-store';
export * from './tenant-list-store';
