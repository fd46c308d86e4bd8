import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';
import { exportJWK, generateKeyPair } from 'jose';
import { type ClientAuthMethod, type Configuration, Provider } from 'oidc-provider';
import { memoryAdapter } from './memory-adapter.js';

export const CLIENT_ID = 'devforge';
export const CLIENT_SECRET = 'the-secret-of-devforge-at-the-provider';
const SCOPES = ['openid', 'email', 'profile', 'groups'];
const TTL_SECONDS = 600;
const INTERACTION_PATH = '/interaction/';
const LOGIN_PAGE = `<!doctype html><title>Example Org</title>
<form method="post"><label>Login <input name="login" autofocus></label> <button>Log in</button></form>
<form method="post"><button name="cancel" value="true">Cancel</button></form>`;

/** What the provider knows of an account besides its subject. */
export interface Account {
  email?: string;
  email_verified?: boolean;
  name?: string;
  groups?: string[];
}

/** A real OpenID provider on this machine. Its page asks for the subject of an account alone, and for no consent. */
export class OpenIdProvider {
  readonly accounts = new Map<string, Account>();
  private readonly key = generateKeyPair('RS256', { extractable: true });
  private server: Server | null = null;

  constructor(
    private readonly port: number,
    /** The address of DevForge. */
    private readonly devforge: string,
    private readonly authenticatesBy: ClientAuthMethod = 'client_secret_basic',
  ) {}

  get issuer(): string {
    return `http://localhost:${this.port}`;
  }

  /** The settings of DevForge. */
  get env(): Record<string, string> {
    return {
      OIDC_ISSUER: this.issuer,
      OIDC_CLIENT_ID: CLIENT_ID,
      OIDC_CLIENT_SECRET: CLIENT_SECRET,
      OIDC_SCOPES: SCOPES.join(' '),
      OIDC_NAME: 'Example Org',
    };
  }

  async start(): Promise<void> {
    const provider = new Provider(this.issuer, await this.configuration());
    const answer = provider.callback();
    this.server = createServer((request, response) => {
      const isInteraction = request.url!.startsWith(INTERACTION_PATH);
      void (isInteraction ? this.interact(provider, request, response) : answer(request, response));
    });
    this.server.listen(this.port, 'localhost');
    await once(this.server, 'listening');
  }

  /** May be called twice. Its keys stay the same. */
  async stop(): Promise<void> {
    const { server } = this;
    this.server = null;
    if (server === null) return;
    server.close();
    server.closeAllConnections();
    await once(server, 'close');
  }

  private async interact(provider: Provider, request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (request.method === 'GET') return void response.setHeader('Content-Type', 'text/html').end(LOGIN_PAGE);
    const form = new URLSearchParams(await text(request));
    const result = form.has('cancel') ? { error: 'access_denied' } : { login: { accountId: form.get('login')! } };
    await provider.interactionFinished(request, response, result);
  }

  private async configuration(): Promise<Configuration> {
    const { privateKey } = await this.key;
    const client = {
      client_id: CLIENT_ID,
      client_secret: CLIENT_SECRET,
      redirect_uris: [`${this.devforge}/api/auth/oidc/callback`],
      token_endpoint_auth_method: this.authenticatesBy,
    };
    const kinds = ['AccessToken', 'AuthorizationCode', 'Grant', 'IdToken', 'Interaction', 'Session'];
    return {
      adapter: memoryAdapter(),
      clients: [client],
      clientAuthMethods: [this.authenticatesBy],
      jwks: { keys: [{ ...(await exportJWK(privateKey)), alg: 'RS256', use: 'sig' }] },
      cookies: { keys: ['a key of the tests'] },
      scopes: SCOPES,
      claims: { email: ['email', 'email_verified'], profile: ['name'], groups: ['groups'] },
      features: { devInteractions: { enabled: false } },
      interactions: { url: (_, { uid }) => INTERACTION_PATH + uid },
      ttl: Object.fromEntries(kinds.map((kind) => [kind, TTL_SECONDS])),
      findAccount: (_, sub) => ({ accountId: sub, claims: () => ({ sub, ...this.accounts.get(sub) }) }),
      loadExistingGrant: async ({ oidc }) => {
        const { provider, session, client: asker } = oidc;
        const grant = new provider.Grant({ accountId: session!.accountId!, clientId: asker!.clientId });
        grant.addOIDCScope(SCOPES.join(' '));
        await grant.save();
        return grant;
      },
    };
  }
}
