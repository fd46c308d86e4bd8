import { escapeHtml, type Page } from '../../http/page.js';

/**
 * Asks VS Code's site of the same container, once a tab, whether this browser is signed in there: then it is let in without
 * further ado, as from VS Code's list of ports.
 */
const ASK_EDITOR = `
try {
  const asked = 'devforge asked at';
  if (Date.now() - Number(sessionStorage.getItem(asked)) > 30000) {
    sessionStorage.setItem(asked, String(Date.now()));
    const editor = new URL('/.devforge/sign-in', location.href);
    editor.host = location.host.replace(/^\\d+--/, '');
    editor.searchParams.set('to', location.href);
    location.replace(editor.href);
  }
} catch {}
`;

export interface SignInRequired {
  /** Why the browser is not let in. */
  reason: string;
  /** DevForge's own page, where a person can sign in. */
  signInUrl: string;
  /** Whether VS Code's site of the same container may know this browser. */
  asksEditor: boolean;
}

/** For a person whose browser is not signed in to a site. */
export function signInRequiredPage({ reason, signInUrl, asksEditor }: SignInRequired): Page {
  return {
    title: 'Sign in',
    body: `<h1>Sign in</h1>
<p>${escapeHtml(reason)}</p>
<p>Open it again from where you got the link, or sign in to DevForge.</p>
<p><a class="action" href="${escapeHtml(signInUrl)}">Sign in</a></p>`,
    ...(asksEditor ? { script: ASK_EDITOR } : {}),
  };
}
