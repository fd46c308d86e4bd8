import { Link } from '@tanstack/react-router';
import { PermissionCard } from '../container/agent/permission-card.tsx';
import { useMay } from '../session/me.ts';
import { Button } from '../ui/button.tsx';
import { classes } from '../ui/classes.ts';
import { formatDuration } from '../ui/format.ts';
import { CloseIcon } from '../ui/icons.tsx';
import { dismissedItems } from './dismissed-items.ts';
import styles from './inbox.module.css';
import { type InboxItem, isAsked } from './items.ts';
import { textOf, titleOf } from './texts.ts';
import { useAllow } from './use-allow.ts';

const PAGES = {
  permission: '/containers/$name',
  question: '/containers/$name/terminal',
  budget: '/containers/$name/settings',
  instruction: '/containers/$name',
  model: '/containers/$name',
  container: '/containers/$name/logs',
  egress: '/containers/$name/settings',
} as const;

export function InboxEntry({ item }: { item: InboxItem }) {
  const { kind, key, at, container } = item;
  const title = titleOf(item);
  return (
    <li className={classes(styles.item, isAsked(item) && styles.asked)}>
      <div className={styles.line}>
        <Link to={PAGES[kind]} params={{ name: container.name }} className={styles.title}>
          {title}
        </Link>
        <time className={styles.note} dateTime={at} title={new Date(at).toLocaleString()}>
          {formatDuration(Date.now() - Date.parse(at))} ago
        </time>
        {!isAsked(item) && (
          <Button look="quiet" isIcon aria-label={`Dismiss: ${title}`} onClick={() => dismissedItems.add(key)}>
            <CloseIcon size={12} />
          </Button>
        )}
      </div>
      {isAsked(item) && container.waitingStopAt !== null && (
        <p className={styles.note}>
          Without an answer it is stopped at {new Date(container.waitingStopAt).toLocaleTimeString()}.
        </p>
      )}
      {textOf(item) !== '' && <p className={styles.text}>{textOf(item)}</p>}
      <Action item={item} />
    </li>
  );
}

function Action({ item }: { item: InboxItem }) {
  const may = useMay();
  const allow = useAllow();
  const { id, projectId } = item.container;
  if (item.kind === 'permission') {
    return (
      <PermissionCard
        instructionId={item.instruction.id}
        permission={item.permission}
        mayAnswer={may('instruction:drive', projectId)}
      />
    );
  }
  if (item.kind !== 'egress' || item.denial.rule === null || !may('container:update', projectId)) return null;
  const { rule } = item.denial;
  return (
    <div className={styles.line}>
      <Button disabled={allow.isPending} onClick={() => allow.mutate({ id, denial: item.denial })}>
        Allow
      </Button>
      <code>
        {rule.host}:{(rule.ports ?? [443]).join()}
      </code>
    </div>
  );
}
