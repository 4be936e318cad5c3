export * from './database-server';
export * from './installation';
export * from './load';
export * from './tools';
export * from './upstream-proxy';
