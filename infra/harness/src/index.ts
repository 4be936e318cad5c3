export * from './invoke';
export * from './operator';
export * from './platform';
export * from './repository';
export * from './processes';
