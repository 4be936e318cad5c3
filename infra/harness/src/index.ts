export * from './invoke';
export * from './platform';
export * from './repository';
