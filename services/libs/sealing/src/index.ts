export * from './adapters/sealing-key-file';
export * from './credential-place';
export * from './sealing';
