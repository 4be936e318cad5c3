export * from './cluster-client';
export * from './exact-policy';
export * from './mirror';
export * from './objects';
export * from './pod-log';
export { resourcePath, type ObjectRef } from './resource-path';
