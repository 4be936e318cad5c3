export * from './adapters/sealing-key-file';
export * from './sealing';
