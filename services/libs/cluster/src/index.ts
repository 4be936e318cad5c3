export * from './names';
export * from './client';
