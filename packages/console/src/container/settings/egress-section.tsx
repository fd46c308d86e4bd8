import { useEffect, useState, useSyncExternalStore } from 'react';
import { denialsStore } from '../../inbox/denials-store.ts';
import { useAllow } from '../../inbox/use-allow.ts';
import { parseRules } from '../../new-container/draft.ts';
import { EGRESS_MODES, EgressFields } from '../../new-container/egress-fields.tsx';
import { Button } from '../../ui/button.tsx';
import { formatDate } from '../../ui/format.ts';
import { EditableSection } from '../../ui/section.tsx';
import { useThisContainer } from '../container-context.ts';
import styles from './settings.module.css';
import { useChange } from './use-change.ts';

const SHOWN_DENIALS = 20;

export function EgressSection({ mayChange }: { mayChange: boolean }) {
  const container = useThisContainer();
  const change = useChange(container);
  const rules = container.egressAllow.flatMap(linesOf).join('\n');
  const current = { egress: container.egress, egressSets: container.egressSets, egressAllow: rules };
  const [typed, setTyped] = useState<Partial<typeof current>>({});
  const draft = { ...current, ...typed };
  const save = (): void =>
    change.mutate(
      {
        kind: 'egress',
        body: {
          egress: draft.egress,
          ...(draft.egress === 'restricted' && {
            egressSets: draft.egressSets,
            egressAllow: parseRules(draft.egressAllow).map(({ host, ports = [443] }) => ({ host, ports })),
          }),
        },
      },
      { onSuccess: () => setTyped({}) },
    );
  return (
    <EditableSection
      title="Network"
      mayChange={mayChange}
      isChanged={JSON.stringify(draft) !== JSON.stringify(current)}
      isPending={change.isPending}
      onSave={save}
    >
      <EgressFields
        modes={EGRESS_MODES}
        draft={draft}
        errors={change.errors}
        set={(next) => setTyped({ ...typed, ...(next as Partial<typeof current>) })}
      />
      {container.egress !== 'open' && <Denials mayChange={mayChange} />}
    </EditableSection>
  );
}

/** A line for each port of a rule; 443 is left out. */
function linesOf({ host, ports = [443] }: { host: string; ports?: number[] }): string[] {
  return ports.map((port) => (port === 443 ? host : `${host}:${port}`));
}

function Denials({ mayChange }: { mayChange: boolean }) {
  const container = useThisContainer();
  const all = useSyncExternalStore(denialsStore.subscribe, denialsStore.get);
  const allow = useAllow();
  useEffect(() => void denialsStore.read([container]), [container]);
  const denials = (all.get(container.id) ?? []).slice(-SHOWN_DENIALS).toReversed();
  if (denials.length === 0) return <p className="note">No connection was refused.</p>;
  return (
    <table className={styles.table}>
      <caption>Refused connections</caption>
      <tbody>
        {denials.map((denial) => (
          <tr key={denial.seq}>
            <td>
              {denial.host}:{denial.port}
            </td>
            <td>{denial.reason.replaceAll('_', ' ')}</td>
            <td>{formatDate(denial.at)}</td>
            <td>
              {mayChange && denial.rule !== null && (
                <Button
                  aria-label={`Allow ${denial.host}:${denial.port}`}
                  disabled={allow.isPending}
                  onClick={() => allow.mutate({ id: container.id, denial })}
                >
                  Allow
                </Button>
              )}
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
