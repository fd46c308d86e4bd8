import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { api, must } from '../../api/client.ts';
import { formatUsd } from '../../ui/format.ts';
import { InputField } from '../../ui/input-field.tsx';
import { Meter } from '../../ui/meter.tsx';
import { EditableSection, FieldGrid } from '../../ui/section.tsx';
import { useThisContainer } from '../container-context.ts';
import styles from './settings.module.css';
import { useChange } from './use-change.ts';

export function SpendSection({ mayChange }: { mayChange: boolean }) {
  const container = useThisContainer();
  const change = useChange(container);
  const { id } = container;
  const { data } = useQuery({
    queryKey: ['spend', id],
    queryFn: () => must(api.GET('/api/containers/{id}/spend', { params: { path: { id } } })),
  });
  const current = String(container.budgetUsd ?? '');
  const [typed, setTyped] = useState<string | null>(null);
  const budget = typed ?? current;
  const save = (): void =>
    change.mutate(
      { kind: 'container', body: { budgetUsd: budget === '' ? null : Number(budget) } as { budgetUsd: number } },
      { onSuccess: () => setTyped(null) },
    );
  return (
    <EditableSection
      title="Spend"
      mayChange={mayChange}
      isChanged={budget !== current}
      isPending={change.isPending}
      onSave={save}
    >
      {data !== undefined && (
        <>
          <Meter label="Spent on models" used={data.usd} limit={data.budgetUsd} format={formatUsd} />
          {!data.metered && (
            <p className="note">This container is not metered: its requests do not pass the egress gateway.</p>
          )}
          {data.byModel.length > 0 && (
            <table className={styles.table}>
              <thead>
                <tr>
                  <th>Model</th>
                  <th>Answers</th>
                  <th>Input tokens</th>
                  <th>Output tokens</th>
                  <th>Spent</th>
                </tr>
              </thead>
              <tbody>
                {data.byModel.map(({ model, answers, inputTokens, outputTokens, usd, priced }) => (
                  <tr key={model}>
                    <td>{model}</td>
                    <td>{answers.toLocaleString()}</td>
                    <td>{inputTokens.toLocaleString()}</td>
                    <td>{outputTokens.toLocaleString()}</td>
                    <td>{priced ? formatUsd(usd) : 'price unknown'}</td>
                  </tr>
                ))}
              </tbody>
            </table>
          )}
        </>
      )}
      <FieldGrid>
        <InputField
          label="Budget, US dollars"
          hint="Empty for none"
          error={change.errors['budgetUsd']}
          type="number"
          min={0}
          step="any"
          value={budget}
          onChange={setTyped}
        />
      </FieldGrid>
    </EditableSection>
  );
}
