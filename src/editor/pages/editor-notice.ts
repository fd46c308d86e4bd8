/**
 * A script for VS Code's page. It says within seconds that the container does not run, since VS Code itself only reports that
 * it cannot connect, and offers to start it.
 */
export const EDITOR_NOTICE = `(() => {
  const INTERVAL_MS = 2000;
  const base = new URL('.', document.currentScript.src);
  let bar, text, button, started = false;
  const build = () => {
    bar = document.createElement('div');
    bar.id = 'devforge-notice';
    bar.setAttribute('role', 'alert');
    bar.style.cssText = 'position:fixed;z-index:2147483647;top:0;left:0;right:0;padding:8px;text-align:center;font:14px system-ui,sans-serif;background:#9a6700;color:#fff';
    text = document.createElement('span');
    button = document.createElement('button');
    button.style.cssText = 'margin-left:12px;padding:2px 14px;font:inherit;cursor:pointer';
    button.onclick = () => act(button.textContent);
    bar.append(text, button);
    document.body.append(bar);
  };
  const show = (message, action) => {
    if (bar === undefined) build();
    text.textContent = message;
    button.hidden = action === undefined;
    button.textContent = action ?? '';
  };
  const act = async (action) => {
    if (action === 'Reload') return location.reload();
    started = true;
    show('Starting…');
    const answer = await fetch(new URL('start', base), { method: 'POST' }).catch(() => undefined);
    if (answer === undefined || !answer.ok) {
      started = false;
      show(answer === undefined ? 'DevForge does not answer.' : await answer.text(), 'Start');
    }
  };
  const look = async () => {
    const answer = await fetch(new URL('status', base), { cache: 'no-store' });
    if (answer.status === 401) return show('This browser is no longer signed in.', 'Reload');
    const { name, status, message, canBeStarted } = await answer.json();
    if (status !== 'running') return started && canBeStarted ? undefined : show(name + ': ' + message, canBeStarted ? 'Start' : undefined);
    if (bar === undefined) return;
    if (started) location.reload();
    else show(name + ' runs again.', 'Reload');
  };
  const poll = async () => {
    if (!document.hidden) await look().catch(() => undefined);
    setTimeout(poll, INTERVAL_MS);
  };
  document.addEventListener('visibilitychange', () => document.hidden || look().catch(() => undefined));
  setTimeout(poll, INTERVAL_MS);
})();
`;
