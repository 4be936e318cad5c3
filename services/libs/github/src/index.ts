export * from './ask';
export * from './github-app';
export * from './github-error';
export * from './check-runs';
export * from './comments';
export * from './deployments';
export * from './repository-name';
