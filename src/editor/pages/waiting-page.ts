import type { ContainerRow } from '../../persistence/containers/containers.repository.js';
import { escapeHtml, type Page } from '../../http/page.js';

const REFRESH_SECONDS = 1;

export interface Waiting {
  title: string;
  text: string;
  /** Where a form is sent that starts the container, if that is what it waits for. */
  startAction?: string;
}

/** A page that reloads itself until the site answers. */
export function waitingPage({ title, text, startAction }: Waiting): Page {
  const form =
    startAction === undefined
      ? ''
      : `\n<form method="post" action="${escapeHtml(startAction)}"><button>Start</button></form>`;
  return {
    title,
    head: `<meta http-equiv="refresh" content="${REFRESH_SECONDS}">\n`,
    body: `<h1>${escapeHtml(title)}</h1>\n<p role="status">${escapeHtml(text)}</p>${form}`,
  };
}

/** Says that a container does not run, and why. */
export function statusMessage({ status, statusReason }: Pick<ContainerRow, 'status' | 'statusReason'>): string {
  const reason = statusReason === null ? '' : `: ${statusReason.message.replace(/\.$/, '')}`;
  switch (status) {
    case 'stopped':
    case 'failed':
    case 'missing':
      return `The container is ${status}${reason}.`;
    case 'deleting':
      return 'The container is being deleted.';
    default:
      return `The container is ${status === 'queued' ? 'waiting to be created' : status}.`;
  }
}

/** Explains why a container that is not running has no site. */
export function waitingMessage(row: Pick<ContainerRow, 'status' | 'statusReason'>): string {
  const reloads = row.status === 'deleting' ? '' : ' This page reloads by itself and opens when it runs.';
  return `${statusMessage(row)}${reloads}`;
}

/** Whether starting the container is what a person can do about it. */
export function canBeStarted({ status }: Pick<ContainerRow, 'status'>): boolean {
  return status === 'stopped' || status === 'failed' || status === 'missing';
}
