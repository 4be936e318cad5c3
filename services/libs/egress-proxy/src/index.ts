export * from './authority';
export * from './forward-proxy';
export * from './way';
