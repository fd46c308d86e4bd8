import type { Browser, BrowserContext, Page } from 'playwright-core';
import { anotherAddress } from '../api/signed-in.js';

const SLOW = { timeout: 30_000 };
export const CALLBACK_PATH = '/api/auth/oidc/callback';

/** A browser of its own that signs in to DevForge by an OpenID provider. */
export class OidcBrowser {
  private constructor(
    readonly context: BrowserContext,
    readonly page: Page,
    private readonly url: string,
  ) {}

  /** @param url of DevForge */
  static async open(browser: Browser, url: string): Promise<OidcBrowser> {
    const context = await browser.newContext({ extraHTTPHeaders: { 'x-forwarded-for': anotherAddress() } });
    return new OidcBrowser(context, await context.newPage(), url);
  }

  /** Goes to the provider's page. @returns the status of the last answer */
  async start(returnTo?: string): Promise<number> {
    const query = returnTo === undefined ? '' : `?returnTo=${encodeURIComponent(returnTo)}`;
    return (await this.page.goto(`${this.url}/api/auth/oidc/start${query}`, SLOW))!.status();
  }

  /** Enters the login at the provider's page. @returns the address at which the browser arrived at DevForge first */
  async login(login: string): Promise<URL> {
    const back = this.page.waitForRequest((request) => new URL(request.url()).pathname === CALLBACK_PATH, SLOW);
    await this.page.getByLabel('Login').fill(login, SLOW);
    await this.page.getByRole('button', { name: 'Log in' }).click(SLOW);
    const callback = new URL((await back).url());
    await this.page.waitForURL(({ origin }) => origin === this.url, SLOW);
    return callback;
  }

  async signIn(login: string, returnTo?: string): Promise<URL> {
    await this.start(returnTo);
    return this.login(login);
  }

  /** Goes to the provider with other parameters than DevForge asked for. */
  async startWith(change: (parameters: URLSearchParams) => void): Promise<void> {
    const url = await this.redirectOf(`${this.url}/api/auth/oidc/start`);
    change(url.searchParams);
    await this.page.goto(url.href, SLOW);
  }

  /** Enters the login at the provider's page. @returns where the provider sends the browser, which does not go there */
  async authorize(login: string): Promise<URL> {
    let at = await this.redirectOf(this.page.url(), { login });
    while (at.pathname !== CALLBACK_PATH) at = await this.redirectOf(at.href);
    return at;
  }

  /** What a page of DevForge gets with the cookie of this browser. */
  async me(): Promise<{ status: number; body: Record<string, unknown> }> {
    const answer = await this.context.request.get(`${this.url}/api/me`);
    return { status: answer.status(), body: (await answer.json()) as Record<string, unknown> };
  }

  async cookie(name: string) {
    return (await this.context.cookies(this.url)).find((cookie) => cookie.name === name);
  }

  text(): Promise<string> {
    return this.page.locator('main').innerText(SLOW);
  }

  private async redirectOf(url: string, form?: Record<string, string>): Promise<URL> {
    const answer = await this.context.request.fetch(url, {
      maxRedirects: 0,
      ...(form === undefined ? {} : { method: 'POST', form }),
    });
    return new URL(answer.headers()['location']!, url);
  }
}
