import type { components } from '@devforge/contract';

/** What of the files is shown: a directory, and a file that is open. It is part of the address. */
export interface FilesSearch {
  dir?: string;
  file?: string;
}

export function readFilesSearch({ dir, file }: Record<string, unknown>): FilesSearch {
  return {
    ...(typeof dir === 'string' && dir !== '' ? { dir } : {}),
    ...(typeof file === 'string' && file !== '' ? { file } : {}),
  };
}

export type FileEntry = components['schemas']['ListedFileDto'];

/** A path in the workspace is relative to it; the workspace itself is ''. */
export function join(directory: string, name: string): string {
  return directory === '' ? name : `${directory}/${name}`;
}

export function parentOf(path: string): string {
  return path.includes('/') ? path.slice(0, path.lastIndexOf('/')) : '';
}

export function nameOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

/** Each directory on the way to a path, with its name. */
export function trailOf(path: string): { name: string; path: string }[] {
  const names = path.split('/').filter((name) => name !== '');
  return names.map((name, index) => ({ name, path: names.slice(0, index + 1).join('/') }));
}

/** Directories first, then by name. */
export function sorted(entries: readonly FileEntry[]): FileEntry[] {
  const rank = ({ type }: FileEntry): number => (type === 'directory' ? 0 : 1);
  return entries.toSorted((a, b) => rank(a) - rank(b) || a.name.localeCompare(b.name, undefined, { numeric: true }));
}

export function filesUrl(containerId: string, path: string): string {
  return `/api/containers/${containerId}/files?path=${encodeURIComponent(path)}`;
}
