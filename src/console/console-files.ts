import { Injectable } from '@nestjs/common';
import type { Request, Response } from 'express';
import { access } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const DIRECTORY = fileURLToPath(new URL('../../packages/console/dist/', import.meta.url));
const INDEX = 'index.html';
/** Names that the build gives: one folder at most, no dot files. */
const PATH = /^(?:[A-Za-z0-9_-]+\/)?[A-Za-z0-9_-][A-Za-z0-9._-]*$/;
const COMPRESSED = { br: '.br', gzip: '.gz' } as const;

/** The pages of the console load from DevForge alone. Terminal and editor add style elements of their own. */
const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data: blob:",
  "font-src 'self'",
  "connect-src 'self'",
  "manifest-src 'self'",
  "form-action 'self'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
].join('; ');

const PAGE_HEADERS = {
  'Content-Security-Policy': CONTENT_SECURITY_POLICY,
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Referrer-Policy': 'same-origin',
  'Cache-Control': 'no-cache',
};

/** The built files of the console, which are sent as the build has compressed them. */
@Injectable()
export class ConsoleFiles {
  constructor(private readonly directory = DIRECTORY) {}

  /** @returns false when the console is not built */
  sendIndex(request: Request, response: Response): Promise<boolean> {
    return this.send(request, response, INDEX, PAGE_HEADERS);
  }

  /**
   * @param path relative to the console
   * @returns false when there is no such file
   */
  async sendFile(request: Request, response: Response, path: string): Promise<boolean> {
    if (!PATH.test(path) || path === INDEX) return false;
    // Names in assets/ have a hash of the content.
    const caching = path.startsWith('assets/') ? 'public, max-age=31536000, immutable' : 'no-cache';
    return this.send(request, response, path, { 'Cache-Control': caching });
  }

  private async send(
    request: Request,
    response: Response,
    path: string,
    headers: Record<string, string>,
  ): Promise<boolean> {
    const encoding = await this.encodingFor(request, path);
    const file = encoding === null ? path : path + COMPRESSED[encoding];
    if (encoding === null && !(await exists(join(this.directory, file)))) return false;
    response.type(extname(path)).set({ ...headers, 'X-Content-Type-Options': 'nosniff' });
    response.vary('Accept-Encoding');
    if (encoding !== null) response.set('Content-Encoding', encoding);
    await new Promise<void>((resolve, reject) => {
      // Ranges of compressed bytes are of no use to anybody.
      response.sendFile(file, { root: this.directory, cacheControl: false, acceptRanges: false }, (error) =>
        error === undefined || response.headersSent ? resolve() : reject(error),
      );
    });
    return true;
  }

  private async encodingFor(request: Request, path: string): Promise<keyof typeof COMPRESSED | null> {
    const accepted = request.acceptsEncodings(['br', 'gzip']);
    if (accepted !== 'br' && accepted !== 'gzip') return null;
    return (await exists(join(this.directory, path + COMPRESSED[accepted]))) ? accepted : null;
  }
}

function exists(file: string): Promise<boolean> {
  return access(file).then(
    () => true,
    () => false,
  );
}
