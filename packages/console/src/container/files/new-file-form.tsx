import { useMutation } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import { Button } from '../../ui/button.tsx';
import { classes } from '../../ui/classes.ts';
import { inputClass } from '../../ui/field.tsx';
import { showFailure } from '../../ui/toasts.tsx';
import styles from './files.module.css';
import { join } from './paths.ts';
import { isOtherVersion, writeFile } from './use-files.ts';

interface NewFileFormProps {
  containerId: string;
  directory: string;
  onMade: (path: string) => void;
  onClose: () => void;
}

export function NewFileForm({ containerId, directory, onMade, onClose }: NewFileFormProps) {
  const [name, setName] = useState('');
  const path = join(directory, name.trim().replace(/^\/+/, ''));
  const make = useMutation({
    mutationFn: () => writeFile(containerId, { path, content: '', version: null }),
    onSuccess: () => onMade(path),
    onError: (error) =>
      showFailure('The file was not made', isOtherVersion(error) ? new Error(`${path} exists already.`) : error),
  });
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    if (name.trim() !== '' && !make.isPending) make.mutate();
  };
  return (
    <form className={styles.bar} onSubmit={submit} onKeyDown={({ key }) => key === 'Escape' && onClose()}>
      <input
        className={classes(inputClass, styles.newName)}
        aria-label="Name of the new file"
        placeholder="name, or directory/name"
        autoFocus
        spellCheck={false}
        value={name}
        onChange={(event) => setName(event.target.value)}
      />
      <Button type="submit" disabled={name.trim() === '' || make.isPending}>
        Create
      </Button>
    </form>
  );
}
