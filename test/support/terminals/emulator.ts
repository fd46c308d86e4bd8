import headless from '@xterm/headless';

/** Interprets the output of a terminal as xterm does. */
export class Emulator {
  private readonly terminal: InstanceType<typeof headless.Terminal>;

  /** @param onReply called with the replies to a program's queries */
  constructor(cols: number, rows: number, onReply: (reply: string) => void = () => undefined) {
    this.terminal = new headless.Terminal({ cols, rows, scrollback: 2_000, allowProposedApi: true, logLevel: 'off' });
    this.terminal.onData(onReply);
  }

  write(text: string): Promise<void> {
    return new Promise((resolve) => this.terminal.write(text, resolve));
  }

  resize(cols: number, rows: number): void {
    this.terminal.resize(cols, rows);
  }

  /** The visible lines without trailing blanks. */
  lines(): string[] {
    const { active } = this.terminal.buffer;
    return Array.from(
      { length: this.terminal.rows },
      (_, row) =>
        active
          .getLine(active.baseY + row)
          ?.translateToString(true)
          .trimEnd() ?? '',
    );
  }

  text(): string {
    return this.lines().join('\n');
  }

  /** Column and row, from 0. */
  cursor(): [number, number] {
    const { active } = this.terminal.buffer;
    return [active.cursorX, active.cursorY];
  }

  /** The whole state: each cell with its colours, the scrollback, the cursor and the modes. */
  state(): object {
    const { active, normal } = this.terminal.buffer;
    const line = (row: number): string[] =>
      Array.from({ length: this.terminal.cols }, (_, column) => {
        const cell = active.getLine(row)?.getCell(column);
        if (cell === undefined) return '';
        const style = [
          cell.getFgColorMode(),
          cell.getFgColor(),
          cell.getBgColorMode(),
          cell.getBgColor(),
          cell.isBold(),
          cell.isItalic(),
          cell.isUnderline(),
          cell.isInverse(),
          cell.isDim(),
        ];
        return `${cell.getChars() || ' '}/${style.join('/')}`;
      });
    return {
      screen: Array.from({ length: this.terminal.rows }, (_, row) => line(active.baseY + row)),
      scrollback: Array.from({ length: normal.baseY }, (_, row) => normal.getLine(row)?.translateToString(true)),
      cursor: this.cursor(),
      kind: active.type,
      modes: { ...this.terminal.modes },
    };
  }
}
