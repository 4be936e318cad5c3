export * from './client';
export * from './keeper';
export * from './protocol';
