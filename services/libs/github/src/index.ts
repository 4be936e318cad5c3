export * from './ask';
export * from './github-app';
export * from './github-error';
