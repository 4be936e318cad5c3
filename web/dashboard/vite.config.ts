import { fileURLToPath } from 'node:url';
import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';

/** Where `vite web/dashboard` sends what the page asks of the console: one that runs, `npm start` by default. */
const console = process.env['WHERRY_CONSOLE_URL'] ?? 'http://127.0.0.1:3000';

export default defineConfig({
  root: fileURLToPath(new URL('.', import.meta.url)),
  plugins: [react()],
  resolve: {
    alias: { '@wherry/api-client': fileURLToPath(new URL('../api-client/src/index.ts', import.meta.url)) },
  },
  build: {
    outDir: fileURLToPath(new URL('../../dist/dashboard', import.meta.url)),
    emptyOutDir: true,
    // The console's content security policy allows no data: fonts, and a picture is as quick from its own file.
    assetsInlineLimit: 0,
    // Charts are the largest part; they are loaded by the pages that show them.
    chunkSizeWarningLimit: 700,
  },
  server: {
    host: '127.0.0.1',
    // The console answers only under its own host and origin.
    proxy: { '/v1': { target: console, changeOrigin: true, headers: { origin: console } } },
  },
});
