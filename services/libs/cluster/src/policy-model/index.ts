export * from './can-reach';
export * from './types';
