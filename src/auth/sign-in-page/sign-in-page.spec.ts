import { describe, expect, it } from '@jest/globals';
import { signInPage } from './sign-in-page.js';

const PROVIDER = { name: 'Example <Org>', url: '/api/auth/oidc/start?returnTo=%2Fsign-in&x=1' };

describe('the page to sign in at', () => {
  it('offers what is possible', () => {
    const { html } = signInPage({ hasSessions: true, provider: PROVIDER, returnTo: null });
    expect(html).toContain(
      'href="/api/auth/oidc/start?returnTo=%2Fsign-in&#38;x=1">Sign in with Example &#60;Org&#62;</a>',
    );
    expect(html).toContain('id="password-form"');
    expect(html).not.toContain('autofocus');
    const token = signInPage({ hasSessions: false, provider: null, returnTo: null }).html;
    expect(token).toContain('id="token-form"');
    expect(token).not.toMatch(/password-form"|Sign in with/);
    expect(signInPage({ hasSessions: true, provider: null, returnTo: null }).html).toContain('autofocus');
  });

  it('goes on at the path that it is given, as text', () => {
    const { html } = signInPage({ hasSessions: true, provider: null, returnTo: '/"><script>alert(1)</script>' });
    expect(html).toContain('data-return-to="/&#34;&#62;&#60;script&#62;alert(1)&#60;/script&#62;"');
  });

  it('runs its own script and style alone, and is in no frame', () => {
    const { headers } = signInPage({ hasSessions: true, provider: null, returnTo: null });
    expect(headers['Content-Security-Policy']).toMatch(
      /^default-src 'none'; style-src 'sha256-\S+'; script-src 'sha256-\S+'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'$/,
    );
  });
});
