import { type Page, renderPage } from '../../http/page.js';
import { MAX_PASSWORD_LENGTH, MIN_PASSWORD_LENGTH } from '../passwords/new-password.js';

const SCRIPT = `
const element = (id) => document.getElementById(id);
const [form, password, again, message] = ['form', 'password', 'again', 'message'].map(element);
const post = (path, body) =>
  fetch('/api/' + path, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) });
const token = location.hash.slice(1);
history.replaceState(null, '', location.pathname);
if (token === '') {
  form.hidden = true;
  message.textContent = 'Open the whole link that you were sent.';
}
form.addEventListener('submit', async (event) => {
  event.preventDefault();
  if (password.value !== again.value) return void (message.textContent = 'The two passwords are not the same.');
  message.textContent = '';
  try {
    const answer = await post('invitations/accept', { token, password: password.value });
    const body = await answer.json();
    if (!answer.ok) return void (message.textContent = body.detail ?? body.title);
    form.hidden = true;
    message.textContent = 'Your password is set. Sign in as ' + body.email + '.';
    element('sign-in').hidden = false;
    if ((await post('sessions', { email: body.email, password: password.value })).ok) location.replace('/');
  } catch {
    message.textContent = 'DevForge does not answer.';
  }
});
`;

const FIELD = `type="password" autocomplete="new-password" minlength="${MIN_PASSWORD_LENGTH}" maxlength="${MAX_PASSWORD_LENGTH}" required`;

const PAGE: Page = {
  title: 'Set your password',
  body: `<h1>Set your password</h1>
<form id="form">
<p><input id="password" ${FIELD} placeholder="New password" aria-label="New password" autofocus></p>
<p><input id="again" ${FIELD} placeholder="Once more" aria-label="New password once more"></p>
<p>At least ${MIN_PASSWORD_LENGTH} characters.</p>
<button>Set password</button>
</form>
<p id="message" role="status"></p>
<p><a id="sign-in" class="action" href="/sign-in" hidden>Sign in</a></p>
<noscript><p>This page needs JavaScript.</p></noscript>`,
  script: SCRIPT,
  connect: "'self'",
  frameAncestors: "'none'",
};

/** Where the user of an invitation sets a password, and is signed in with it. */
export const INVITATION_PAGE = renderPage(PAGE);
