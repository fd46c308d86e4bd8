import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';
import { compressed } from './build/compressed.ts';

/** Where the server of the development loop runs: `npm run dev`. */
const SERVER = process.env['DEVFORGE_URL'] ?? 'http://localhost:3000';
/** DevForge takes the cookies of pages of its own origin alone. */
const proxy = { target: SERVER, changeOrigin: true, headers: { Origin: SERVER }, rewriteWsOrigin: true };

export default defineConfig({
  plugins: [react(), compressed({ firstLoadLimit: 300_000 })],
  build: {
    target: 'es2024',
    modulePreload: { polyfill: false },
    // Each file is one request of its own; nothing is inlined, so that the Content-Security-Policy can stay strict.
    assetsInlineLimit: 0,
    // One small file, which comes with the page: the styles of a part cannot be lost on the way when it is opened.
    cssCodeSplit: false,
    license: { fileName: 'licenses.md' },
    reportCompressedSize: false,
  },
  server: {
    port: 5173,
    proxy: {
      '/api': proxy,
      '/docs': proxy,
      '/health': proxy,
      '/about': proxy,
      '/sign-in': proxy,
      '/socket.io': { ...proxy, ws: true },
    },
  },
});
