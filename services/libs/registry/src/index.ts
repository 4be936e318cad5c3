export * from './access';
export * from './credential';
export * from './registry-token';
export * from './adapters/registry-client';
export * from './registry-access';
export * from './registry-place';
