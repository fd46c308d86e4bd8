const PARTS = /^(?<host>\[[0-9a-fA-F:.]+\]|[^\s:/?#@[\]\\%*]+)(?::(?<port>\d{1,5}))?$/;
const HOST =
  /^(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?(?:\.[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?)*|\[[0-9a-f:.]+\])$/;
const MAX_LENGTH = 253;

export interface HostAndPort {
  /** In lower case and in ASCII; an IPv6 address in brackets. */
  host: string;
  port: number | null;
}

/**
 * A host name or an address, and a port if it has one. International names become Punycode, a final dot goes away.
 * @returns null for everything else
 */
export function parseHostAndPort(text: string): HostAndPort | null {
  const { host = '', port } = PARTS.exec(text)?.groups ?? {};
  const url = `https://${host}`;
  if (host === '' || !URL.canParse(url)) return null;
  const name = new URL(url).hostname.replace(/\.$/, '');
  if (name.length > MAX_LENGTH || !HOST.test(name)) return null;
  const number = port === undefined ? null : Number(port);
  return number === null || (number >= 1 && number <= 65_535) ? { host: name, port: number } : null;
}
