import { type Page, renderPage } from '../../http/page.js';

/** Gets a link from the API with the token that is entered, and opens it. The token is sent to the API alone and not kept. */
const SCRIPT = `
const query = new URLSearchParams(location.search);
const container = query.get('container') ?? '';
const port = query.get('port');
const what = port === null ? container : 'port ' + port + ' of ' + container;
const element = (id) => document.getElementById(id);
const [form, token, start, message] = ['form', 'token', 'start', 'message'].map(element);
element('what').textContent = what;
const call = (action) =>
  fetch('/api/containers/' + encodeURIComponent(container) + '/' + action, {
    method: 'POST',
    headers: { Authorization: 'Bearer ' + token.value.trim() },
  });
const open = async () => {
  const answer = await call(port === null ? 'editor' : 'ports/' + encodeURIComponent(port) + '/preview');
  const body = await answer.json();
  if (answer.ok) return location.replace(body.url);
  start.hidden = !['stopped', 'failed', 'missing'].includes(body.currentStatus);
  message.textContent = answer.status === 401 ? 'This token is not valid.' : body.detail ?? body.title;
};
const attempt = (work) => async (event) => {
  event.preventDefault();
  message.textContent = '';
  try {
    await work();
  } catch {
    message.textContent = 'DevForge does not answer.';
  }
};
form.addEventListener('submit', attempt(open));
start.addEventListener('click', attempt(async () => {
  message.textContent = 'Starting…';
  await call('start');
  await open();
}));
`;

const PAGE: Page = {
  title: 'Sign in to DevForge',
  body: `<h1>Sign in</h1>
<p>to open <strong id="what"></strong></p>
<form id="form">
<p><input id="token" type="password" autocomplete="current-password" placeholder="DevForge token" aria-label="DevForge token" required autofocus></p>
<button>Open</button>
<button type="button" id="start" hidden>Start</button>
</form>
<p id="message" role="status"></p>
<noscript><p>This page needs JavaScript.</p></noscript>`,
  script: SCRIPT,
  connect: "'self'",
  frameAncestors: "'none'",
};

/** Where a person signs in with a token, on DevForge's own origin: that of a site belongs to what runs in the container. */
export const SIGN_IN_PAGE = renderPage(PAGE);
