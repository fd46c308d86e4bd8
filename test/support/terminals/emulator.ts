import headless from '@xterm/headless';

/** What a person would see of what a terminal wrote. */
export class Emulator {
  private readonly terminal: InstanceType<typeof headless.Terminal>;

  /** @param onReply what it answers to programs that ask */
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

  /** The visible lines, without the blanks at their ends. */
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

  /** All that makes up the terminal: each cell with its colours, the lines that scrolled away, the cursor and the modes. */
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
      scrolledAway: Array.from({ length: normal.baseY }, (_, row) => normal.getLine(row)?.translateToString(true)),
      cursor: [active.cursorX, active.cursorY],
      kind: active.type,
      modes: { ...this.terminal.modes },
    };
  }
}
