import { api, must } from '../api/client.ts';
import { Button } from '../ui/button.tsx';
import { CodeIcon } from '../ui/icons.tsx';
import { useOpenLink } from './use-open-link.ts';

/** Opens VS Code in a tab of its own, by a link that works once. */
export function EditorButton({ id, name }: { id: string; name: string }) {
  const open = useOpenLink(`VS Code of ${name} cannot be opened`);
  const link = async (): Promise<string> =>
    (await must(api.POST('/api/containers/{id}/editor', { params: { path: { id } } }))).url;
  return (
    <Button onClick={() => open.mutate(link)} disabled={open.isPending}>
      <CodeIcon />
      VS Code
    </Button>
  );
}
