/**
 * What the page does: it signs in with a password, or uses a token that is sent to the API alone and not kept; then it opens
 * what the person wanted.
 */
export const SIGN_IN_SCRIPT = `
const query = new URLSearchParams(location.search);
const container = query.get('container');
const port = query.get('port');
const { returnTo } = document.getElementById('ways').dataset;
const element = (id) => document.getElementById(id);
const say = (text) => (element('message').textContent = text);
/** Of the session; the token goes before it. */
let csrfToken;

const call = async (method, path, body) => {
  const token = element('token')?.value.trim() ?? '';
  const answer = await fetch('/api/' + path, {
    method,
    headers: {
      ...(token === '' ? csrfToken && { 'X-CSRF-Token': csrfToken } : { Authorization: 'Bearer ' + token }),
      ...(body && { 'Content-Type': 'application/json' }),
    },
    ...(body && { body: JSON.stringify(body) }),
  });
  return { ok: answer.ok, status: answer.status, body: answer.status === 204 ? {} : await answer.json() };
};
const attempt = (work) => async (event) => {
  event?.preventDefault();
  say('');
  try {
    await work();
  } catch {
    say('DevForge does not answer.');
  }
};
const on = (id, event, work) => element(id)?.addEventListener(event, attempt(work));

const open = async () => {
  const action = port === null ? 'editor' : 'ports/' + encodeURIComponent(port) + '/preview';
  const { ok, status, body } = await call('POST', 'containers/' + encodeURIComponent(container) + '/' + action);
  if (ok) return location.replace(body.url);
  element('start').hidden = !['stopped', 'failed', 'missing'].includes(body.currentStatus);
  say(status === 401 ? 'This token is not valid.' : body.detail ?? body.title);
};
const goOn = async () => {
  if (container !== null) return open();
  if (returnTo !== undefined) location.replace(returnTo);
};
const showUser = async () => {
  const { body } = await call('GET', 'me');
  element('user').textContent = body.name;
  element('signed-in').hidden = false;
  element('ways').hidden = true;
};

on('password-form', 'submit', async () => {
  if (element('token')) element('token').value = '';
  const { ok, body } = await call('POST', 'sessions', { email: element('email').value, password: element('password').value });
  if (!ok) {
    element('password').value = '';
    element('password').focus();
    return say(body.detail ?? body.title);
  }
  ({ csrfToken } = body);
  element('password').value = '';
  await showUser();
  await goOn();
});
on('token-form', 'submit', open);
on('open', 'click', open);
on('start', 'click', async () => {
  say('Starting…');
  await call('POST', 'containers/' + encodeURIComponent(container) + '/start');
  await open();
});
on('sign-out', 'click', async () => {
  const { ok, body } = await call('DELETE', 'sessions/current');
  if (!ok) return say(body.detail ?? body.title);
  location.reload();
});

if (container !== null) {
  element('what').textContent = port === null ? container : 'port ' + port + ' of ' + container;
  for (const id of ['target', 'token-form', 'open']) element(id).hidden = false;
}
attempt(async () => {
  const { ok, body } = await call('GET', 'sessions/current');
  if (!ok) return;
  ({ csrfToken } = body);
  await showUser();
  await goOn();
})();
`;
