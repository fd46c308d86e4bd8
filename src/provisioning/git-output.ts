import { plainText } from '../common/plain-text.js';

const URL_PARTS = /([a-z][a-z0-9+.-]*:\/\/)(?:[^\s/?#'"]*@)?([^\s?#'"]*)([?#][^\s'"]*)?/gi;

/**
 * A line of git's output for logs and clients: without escape sequences, and without users, passwords and queries of
 * URLs, which may be secrets of a server that redirects.
 */
export function cleanGitLine(line: string): string {
  return plainText(line, line.length).replaceAll(URL_PARTS, (_url, scheme: string, address: string, query?: string) =>
    [scheme, address, query === undefined ? '' : `${query[0]}…`].join(''),
  );
}
