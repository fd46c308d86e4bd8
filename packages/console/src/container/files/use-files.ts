import { useMutation, useQuery } from '@tanstack/react-query';
import { ApiError } from '../../api/api-error.ts';
import { mustFetch } from '../../api/client.ts';
import { queryClient } from '../../api/query-client.ts';
import { showFailure } from '../../ui/toasts.tsx';
import { type FileEntry, filesUrl, join } from './paths.ts';

const MAX_SHOWN_BYTES = 2 * 1024 ** 2;
const listKey = (containerId: string, directory: string) => ['files', containerId, directory] as const;
const fileKey = (containerId: string, path: string) => ['file', containerId, path] as const;

export type OpenedFile =
  | { kind: 'text'; text: string; etag: string | null }
  | { kind: 'binary' | 'large'; bytes: number }
  | { kind: 'directory' };

export function useDirectory(containerId: string, directory: string) {
  return useQuery({
    queryKey: listKey(containerId, directory),
    queryFn: async () => {
      const response = await mustFetch(filesUrl(containerId, directory));
      if (!isListing(response)) throw new Error('This is not a directory.');
      return ((await response.json()) as { entries: FileEntry[] }).entries;
    },
    staleTime: 2_000,
  });
}

/** A file is read when it is opened, and not again while it is edited. */
export function useFile(containerId: string, path: string) {
  return useQuery({
    queryKey: fileKey(containerId, path),
    queryFn: ({ signal }) => readFile(containerId, path, signal),
    staleTime: Infinity,
    gcTime: 0,
    refetchOnReconnect: false,
    retry: false,
  });
}

async function readFile(containerId: string, path: string, signal: AbortSignal): Promise<OpenedFile> {
  const aborter = new AbortController();
  signal.addEventListener('abort', () => aborter.abort());
  const response = await mustFetch(filesUrl(containerId, path), { signal: aborter.signal });
  if (isListing(response)) return { kind: 'directory' };
  const bytes = Number(response.headers.get('Content-Length') ?? 0);
  if (bytes > MAX_SHOWN_BYTES) {
    aborter.abort();
    return { kind: 'large', bytes };
  }
  const content = new Uint8Array(await response.arrayBuffer());
  try {
    if (content.includes(0)) throw new TypeError('A text has no NUL.');
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(content);
    return { kind: 'text', text, etag: response.headers.get('ETag') };
  } catch {
    return { kind: 'binary', bytes: content.length };
  }
}

function isListing(response: Response): boolean {
  return response.headers.get('Content-Type')?.startsWith('application/json') === true;
}

function refresh(containerId: string): void {
  void queryClient.invalidateQueries({ queryKey: ['files', containerId] });
}

interface Write {
  path: string;
  content: Blob | string;
  /** `*` for any version, null for a path at which nothing may be. */
  version: string | null;
}

/** @returns the version that was written. @throws ApiError with 412 when another version is there */
export async function writeFile(containerId: string, { path, content, version }: Write): Promise<string | null> {
  const headers = {
    'Content-Type': 'application/octet-stream',
    ...(version === null ? { 'If-None-Match': '*' } : version === '*' ? {} : { 'If-Match': version }),
  };
  const body = typeof content === 'string' ? new Blob([content]) : content;
  const response = await mustFetch(filesUrl(containerId, path), { method: 'PUT', headers, body });
  refresh(containerId);
  return response.headers.get('ETag');
}

export function isOtherVersion(error: unknown): boolean {
  return error instanceof ApiError && error.status === 412;
}

export function useRemove(containerId: string) {
  return useMutation({
    mutationFn: (path: string) => mustFetch(filesUrl(containerId, path), { method: 'DELETE' }),
    onError: (error) => showFailure('It was not deleted', error),
    onSettled: () => refresh(containerId),
  });
}

/** Writes files into a directory, one after the other. What exists is replaced when the person says so. */
export function useUpload(containerId: string, directory: string) {
  return useMutation({
    mutationFn: async (files: readonly File[]) => {
      for (const file of files) {
        const path = join(directory, file.name);
        try {
          await writeFile(containerId, { path, content: file, version: null });
        } catch (error) {
          if (!isOtherVersion(error)) throw error;
          // oxlint-disable-next-line no-alert
          if (window.confirm(`Replace ${path}?`)) await writeFile(containerId, { path, content: file, version: '*' });
        }
      }
    },
    onError: (error) => showFailure('The upload failed', error),
    onSettled: () => refresh(containerId),
  });
}

/** A directory as an archive. */
export async function downloadArchive(containerId: string, path: string, name: string): Promise<void> {
  const response = await mustFetch(filesUrl(containerId, path), { headers: { Accept: 'application/x-tar' } });
  const url = URL.createObjectURL(await response.blob());
  const link = document.createElement('a');
  link.href = url;
  link.download = `${name}.tar`;
  link.click();
  URL.revokeObjectURL(url);
}
