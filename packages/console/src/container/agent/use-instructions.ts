import { useMutation, useQuery } from '@tanstack/react-query';
import { useEffect, useState } from 'react';
import { api, must } from '../../api/client.ts';
import { queryClient } from '../../api/query-client.ts';
import { socket, whileConnected } from '../../api/socket.ts';
import type { Instruction } from '../../api/types.ts';
import { showFailure } from '../../ui/toasts.tsx';

const keyOf = (containerId: string) => ['instructions', containerId] as const;
const PAGE_SIZE = 50;

export function isOver({ status }: Instruction): boolean {
  return status !== 'queued' && status !== 'running';
}

/** The latest instructions of a container, oldest first. */
export function useInstructions(containerId: string) {
  return useQuery({
    queryKey: keyOf(containerId),
    queryFn: async () => {
      const params = { path: { id: containerId }, query: { limit: PAGE_SIZE } };
      return (await must(api.GET('/api/containers/{id}/instructions', { params }))).items.toReversed();
    },
  });
}

/** Puts what is new of an instruction into the list of its container, if that was read. */
function putInstruction(instruction: Instruction): void {
  queryClient.setQueryData<Instruction[]>(keyOf(instruction.containerId), (list) =>
    list?.some(({ id }) => id === instruction.id)
      ? list.map((one) => (one.id === instruction.id ? instruction : one))
      : list && [...list, instruction],
  );
}

type Body = { prompt: string; continue: boolean; model?: string; maxBudgetUsd?: number };

export function useInstruct(containerId: string) {
  return useMutation({
    mutationFn: (body: Body) => {
      const params = { path: { id: containerId } };
      return must(api.POST('/api/containers/{id}/instructions', { params, body: { ...body, startIfStopped: false } }));
    },
    onSuccess: putInstruction,
    onError: (error) => showFailure('The instruction was not accepted', error),
  });
}

export function useCancel() {
  return useMutation({
    mutationFn: (id: string) => must(api.POST('/api/instructions/{id}/cancel', { params: { path: { id } } })),
    onSuccess: putInstruction,
    onError: (error) => showFailure('It was not cancelled', error),
  });
}

export function useAnswer(id: string) {
  return useMutation({
    mutationFn: ({ requestId, decision }: { requestId: string; decision: 'allow' | 'deny' }) =>
      must(
        api.POST('/api/instructions/{id}/permissions/{requestId}', {
          params: { path: { id, requestId } },
          body: { decision },
        }),
      ),
    onSuccess: (instruction) => {
      putInstruction(instruction);
      // The inbox.
      void queryClient.invalidateQueries({ queryKey: ['inbox'] });
    },
    onError: (error) => showFailure('The answer was not taken', error),
  });
}

export interface SequencedEvent {
  seq: number;
  event: unknown;
}

/** The events of an instruction so far, and those that come as long as it is shown. */
export function useEvents(instructionId: string, isShown: boolean): readonly SequencedEvent[] {
  const [events, setEvents] = useState<readonly SequencedEvent[]>([]);
  useEffect(() => {
    if (!isShown) return;
    let all: SequencedEvent[] = [];
    let frame = 0;
    const show = (): void => {
      frame = 0;
      setEvents([...all]);
    };
    const add = ({ instructionId: id, seq, event }: SequencedEvent & { instructionId: string }): void => {
      if (id !== instructionId || seq <= (all.at(-1)?.seq ?? 0)) return;
      all = [...all, { seq, event }];
      frame ||= requestAnimationFrame(show);
    };
    const update = ({ instruction }: { instruction: unknown }): void => {
      if ((instruction as Instruction).id === instructionId) putInstruction(instruction as Instruction);
    };
    socket.on('instruction:event', add);
    socket.on('instruction:update', update);
    const stop = whileConnected(
      () => void socket.emit('subscribe:instruction', { instructionId, after: all.at(-1)?.seq ?? 0 }),
      () => void socket.emit('unsubscribe:instruction', { instructionId }),
    );
    return () => {
      stop();
      cancelAnimationFrame(frame);
      socket.off('instruction:event', add);
      socket.off('instruction:update', update);
    };
  }, [instructionId, isShown]);
  return events;
}
