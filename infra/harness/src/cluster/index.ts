export * from './database-server';
export * from './image-sizes';
export * from './installation';
export * from './load';
export * from './tools';
export * from './upstream-proxy';
