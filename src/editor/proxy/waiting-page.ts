import type { ContainerRow } from '../../persistence/containers/containers.repository.js';

const REFRESH_SECONDS = 1;

/** A page that reloads itself until the site answers. */
export function waitingPage(title: string, text: string): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta http-equiv="refresh" content="${REFRESH_SECONDS}">
<title>${escapeHtml(title)}</title>
<style>
:root { color-scheme: light dark; }
body { font: 16px/1.5 system-ui, sans-serif; display: grid; place-content: center; min-height: 90vh; margin: 0; text-align: center; }
p { opacity: .7; margin: 0; }
</style>
</head>
<body>
<h1>${escapeHtml(title)}</h1>
<p role="status">${escapeHtml(text)}</p>
</body>
</html>
`;
}

/** Explains why a container that is not running has no site. */
export function waitingMessage({ status, statusReason }: Pick<ContainerRow, 'status' | 'statusReason'>): string {
  switch (status) {
    case 'stopped':
    case 'stopping':
      return 'The container is stopped. This page reloads by itself and opens when it is started.';
    case 'failed':
    case 'missing':
      return `The container is ${status}${statusReason === null ? '' : `: ${statusReason.message}`}. This page reloads by itself and opens when it runs again.`;
    case 'deleting':
      return 'The container is being deleted.';
    default:
      return `The container is ${status === 'queued' ? 'waiting to be created' : status}. This page reloads by itself.`;
  }
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
