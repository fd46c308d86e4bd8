import '@xterm/xterm/css/xterm.css';
import { FitAddon } from '@xterm/addon-fit';
import { WebLinksAddon } from '@xterm/addon-web-links';
import { Terminal } from '@xterm/xterm';
import { useEffect, useRef } from 'react';
import { socket, whileConnected } from '../../api/socket.ts';
import { useIsDark } from '../../app/theme.ts';
import { showFailure } from '../../ui/toasts.tsx';
import styles from './terminal.module.css';
import { DARK, LIGHT } from './terminal-colours.ts';

interface ScreenProps {
  containerId: string;
  terminalId: string;
  onExit: () => void;
}

/** One terminal, which is attached again whenever there is a new connection. */
export function TerminalScreen({ containerId, terminalId, onExit }: ScreenProps) {
  const box = useRef<HTMLDivElement>(null);
  const shown = useRef<Terminal>(null);
  const isDark = useIsDark();
  const ended = useRef(onExit);
  ended.current = onExit;

  useEffect(() => {
    const terminal = new Terminal({
      fontFamily: getComputedStyle(document.documentElement).getPropertyValue('--mono'),
      fontSize: 13,
      cursorBlink: true,
      scrollback: 5_000,
    });
    const fit = new FitAddon();
    terminal.loadAddon(fit);
    terminal.loadAddon(new WebLinksAddon());
    terminal.open(box.current!);
    fit.fit();
    terminal.focus();
    shown.current = terminal;

    const mine = <Event extends { terminalId: string }>(handle: (event: Event) => void) => {
      return (event: Event): void => {
        if (event.terminalId === terminalId) handle(event);
      };
    };
    const output = mine(({ data }: { terminalId: string; data: string }) => terminal.write(data));
    const exit = mine(() => ended.current());
    socket.on('terminal:output', output);
    socket.on('terminal:exit', exit);
    // What is typed while there is no connection is sent when the terminal is attached again.
    let isAttached = false;
    let typed = '';
    const send = (data: string): void => {
      if (isAttached) socket.emit('terminal:input', { terminalId, data });
      else typed += data;
    };
    const lose = (): void => {
      isAttached = false;
    };
    socket.on('disconnect', lose);
    terminal.onData(send);
    terminal.onResize(({ cols, rows }) => {
      if (isAttached) socket.emit('terminal:resize', { terminalId, cols, rows });
    });
    const attach = (): void => {
      const { cols, rows } = terminal;
      socket.emit('terminal:open', { containerId, terminalId, cols, rows }, (answer) => {
        if (!answer.ok) return showFailure('The terminal cannot be shown', new Error(answer.error.message));
        isAttached = true;
        const waiting = typed;
        typed = '';
        if (waiting !== '') send(waiting);
      });
    };
    const detach = whileConnected(attach, () => void socket.emit('terminal:detach', { terminalId }));
    const observer = new ResizeObserver(() => fit.fit());
    observer.observe(box.current!);
    return () => {
      observer.disconnect();
      detach();
      socket.off('disconnect', lose);
      socket.off('terminal:output', output);
      socket.off('terminal:exit', exit);
      terminal.dispose();
    };
  }, [containerId, terminalId]);

  useEffect(() => {
    if (shown.current !== null) shown.current.options.theme = isDark ? DARK : LIGHT;
  }, [isDark, terminalId]);

  return <div ref={box} className={styles.screen} />;
}
