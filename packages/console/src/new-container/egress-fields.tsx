import type { Container } from '../api/types.ts';
import { Choices } from '../ui/choices.tsx';
import { LinesField } from '../ui/lines-field.tsx';
import { SelectField } from '../ui/select-field.tsx';

type Sets = Container['egressSets'];

/** What a form holds of an egress policy. */
export interface EgressDraft {
  egress: '' | Container['egress'];
  egressSets: Sets;
  egressAllow: string;
}

export const EGRESS_MODES: [EgressDraft['egress'], string][] = [
  ['open', 'Everything'],
  ['restricted', 'Only what is listed'],
  ['none', 'Nothing'],
];
const SETS: [Sets[number], string][] = [
  ['git', 'Git hosting'],
  ['model', "The model's API"],
  ['packages', 'Package registries'],
];

interface EgressFieldsProps {
  modes: readonly [EgressDraft['egress'], string][];
  draft: EgressDraft;
  errors: Record<string, string>;
  set: (change: Partial<EgressDraft>) => void;
}

/** What a container may connect to. */
export function EgressFields({ modes, draft, errors, set }: EgressFieldsProps) {
  const { egress, egressSets, egressAllow } = draft;
  return (
    <>
      <SelectField
        label="May connect to"
        error={errors['egress']}
        options={modes}
        value={egress}
        onChange={(next) => set({ egress: next })}
      />
      {egress === 'restricted' && (
        <>
          <Choices
            label="Sets of hosts"
            error={errors['egressSets']}
            options={SETS}
            chosen={egressSets}
            onChange={(next) => set({ egressSets: next })}
          />
          <LinesField
            label="Further hosts"
            error={errors['egressAllow']}
            hint="One in each line: example.org, *.example.org:8443"
            value={egressAllow}
            onChange={(next) => set({ egressAllow: next })}
          />
        </>
      )}
    </>
  );
}
