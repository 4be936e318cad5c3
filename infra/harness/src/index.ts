export * from './invoke';
export * from './platform';
export * from './repository';
export * from './processes';
