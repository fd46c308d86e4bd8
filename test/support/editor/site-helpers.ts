import { ok } from '../api/client.js';
import type { Container } from '../api/types.js';
import type { TestServer } from '../e2e/server.js';
import { BrowserClient } from './browser-client.js';

export interface Link {
  url: string;
  expiresAt: string;
}

export interface SiteHelpers {
  /** A single-use link to VS Code, or to a port. */
  linkTo(container: Container, port?: number): Promise<string>;
  /** One that is signed in nowhere. */
  browser(): BrowserClient;
  signedIn(container: Container, port?: number): Promise<BrowserClient>;
  portOf(): string;
  editorOf(container: Container): string;
  previewOf(container: Container, port: number): string;
}

/** What tests of sites need of a server that starts after this is called. */
export function siteHelpers(server: () => TestServer): SiteHelpers {
  const portOf = (): string => new URL(server().devforge.url).port;
  const browser = (): BrowserClient => new BrowserClient(server().devforge.url);
  const linkTo: SiteHelpers['linkTo'] = async ({ id }, port) => {
    const action = port === undefined ? 'editor' : `ports/${port}/preview`;
    return ok(await server().api.request<Link>('POST', `/api/containers/${id}/${action}`)).url;
  };
  return {
    linkTo,
    browser,
    portOf,
    signedIn: async (container, port) => {
      const visitor = browser();
      const { status } = await visitor.signIn(await linkTo(container, port));
      if (status !== 302) throw new Error(`The link was answered with ${status}.`);
      return visitor;
    },
    editorOf: ({ name }) => `http://${name}.localhost:${portOf()}`,
    previewOf: ({ name }, port) => `http://${port}--${name}.localhost:${portOf()}`,
  };
}
