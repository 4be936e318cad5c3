export * from './git-token-store';
export * from './push-progress-store';
export * from './ref-store';
