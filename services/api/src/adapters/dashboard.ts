import { existsSync } from 'node:fs';
import { join } from 'node:path';
import express, { type RequestHandler } from 'express';
import { DomainError } from '@wherry/problem';
import { contextOf } from '../http/request-context';
import { answerProblem } from '../http/problem.filter';

/**
 * The built dashboard. Files under `assets/` carry a hash of their content in their name and may be kept for ever; the
 * page itself is asked for again each time. Every other path is a place within the page.
 */
export function dashboard(folder: string): RequestHandler {
  const files = express.static(folder, { index: false, dotfiles: 'ignore', setHeaders: cacheHeaders });
  const page = join(folder, 'index.html');
  return (request, response, next) => {
    contextOf(request).op = 'dashboard.serve';
    const nothing = new DomainError('request.not_found', 'There is nothing here.');
    if (request.method !== 'GET' && request.method !== 'HEAD') return answerProblem(nothing, request, response);
    files(request, response, (error) => {
      if (error) return next(error);
      if (request.path.startsWith('/assets/')) return answerProblem(nothing, request, response);
      if (existsSync(page))
        return response.sendFile(page, { headers: { 'cache-control': 'no-cache' }, dotfiles: 'allow' });
      response.status(404).type('text/plain').send('The dashboard is not built yet: run `npm run build`.\n');
    });
  };
}

function cacheHeaders(response: { setHeader(name: string, value: string): void }, path: string): void {
  const isHashed = /[/\\]assets[/\\]/.test(path);
  response.setHeader('cache-control', isHashed ? 'public, max-age=31536000, immutable' : 'no-cache');
}
