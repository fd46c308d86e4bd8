import type { InboxItem } from './items.ts';

/** What an item is about, in one line. */
export function titleOf(item: InboxItem): string {
  const { name } = item.container;
  switch (item.kind) {
    case 'permission':
      return `${name} asks to use ${item.permission.toolName}`;
    case 'question':
      return `${name} waits for an answer`;
    case 'model':
      return `The model's API does not serve ${name}`;
    case 'budget':
      return `${name} has reached a budget`;
    case 'instruction':
      return `An instruction of ${name} ${item.instruction.status === 'timed_out' ? 'timed out' : 'failed'}`;
    case 'container':
      return `${name} ${item.container.status === 'missing' ? 'is missing' : 'failed'}`;
    case 'egress':
      return `${name} was refused ${item.denial.host}:${item.denial.port}`;
  }
}

const REASONS = {
  not_allowed: 'No rule allows it.',
  private_address: 'It is not a public address.',
  host_mismatch: 'What was sent named another host.',
  protocol: 'It was neither TLS nor SSH nor HTTP.',
} as const;

/** What there is to know before it is answered. */
export function textOf(item: InboxItem): string {
  switch (item.kind) {
    case 'permission':
      return '';
    case 'egress':
      return REASONS[item.denial.reason];
    default:
      return item.text;
  }
}
