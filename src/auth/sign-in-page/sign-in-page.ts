import { escapeHtml, renderPage } from '../../http/page.js';
import { MAX_PASSWORD_LENGTH } from '../passwords/new-password.js';
import { MAX_EMAIL_LENGTH } from '../users/user.dto.js';
import { SIGN_IN_SCRIPT } from './sign-in-script.js';

export interface SignInPage {
  /** Whether browsers can be signed in here; if not, a token is the only way. */
  hasSessions: boolean;
  /** The OpenID provider that people may sign in with. */
  provider: { name: string; url: string } | null;
  /** The path of DevForge where the browser goes on; null to stay. */
  returnTo: string | null;
}

/** Where a person signs in, on DevForge's own origin: that of a site belongs to what runs in the container. */
export function signInPage({ hasSessions, provider, returnTo }: SignInPage): ReturnType<typeof renderPage> {
  const target = returnTo === null ? '' : ` data-return-to="${escapeHtml(returnTo)}"`;
  return renderPage({
    title: 'Sign in to DevForge',
    body: `<h1>Sign in to DevForge</h1>
<p id="target" hidden>to open <strong id="what"></strong></p>
<div${target} id="ways">
${provider === null ? '' : `<a class="action" href="${escapeHtml(provider.url)}">Sign in with ${escapeHtml(provider.name)}</a>`}
${hasSessions ? passwordForm(provider === null) : ''}
${TOKEN_FORM}
</div>
<div id="signed-in" hidden>
<p>You are signed in as <strong id="user"></strong>.</p>
<button type="button" id="open" hidden>Open</button> <button type="button" id="sign-out" class="quiet">Sign out</button>
</div>
<p id="message" role="alert"></p>
<button type="button" id="start" hidden>Start</button>
<noscript><p>This page needs JavaScript.</p></noscript>`,
    script: SIGN_IN_SCRIPT,
    connect: "'self'",
    frameAncestors: "'none'",
  });
}

/** @param isFirst whether nothing comes before it on the page */
function passwordForm(isFirst: boolean): string {
  return `<form id="password-form">
<p><label>Email<input id="email" type="email" autocomplete="username" maxlength="${MAX_EMAIL_LENGTH}" required${isFirst ? ' autofocus' : ''}></label></p>
<p><label>Password<input id="password" type="password" autocomplete="current-password" maxlength="${MAX_PASSWORD_LENGTH}" required></label></p>
<button>Sign in</button>
</form>`;
}

const TOKEN_FORM = `<form id="token-form" hidden>
<p><label>DevForge token<input id="token" type="password" autocomplete="off" required></label></p>
<button class="quiet">Open</button>
</form>`;
