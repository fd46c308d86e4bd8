import { ApiProperty } from '@nestjs/swagger';

export const AGENT_STATES = ['none', 'idle', 'working', 'waiting'] as const;
export type AgentStateName = (typeof AGENT_STATES)[number];

/** What somebody has to answer before the agent goes on. */
export class WaitingForDto {
  @ApiProperty({
    type: String,
    nullable: true,
    description: 'The tool that it asks to use, such as Bash; null when it is not known, or no tool.',
  })
  tool: string | null;
  @ApiProperty({ description: 'The beginning of the command, path or question, in one line; written by the agent.' })
  text: string;
}

/** What Claude Code does in a container. */
export class AgentDto {
  @ApiProperty({ description: 'Whether a session of it is open.' }) active: boolean;
  @ApiProperty({
    enum: AGENT_STATES,
    description: 'Of several sessions, one that waits comes first, then one that works, then an idle one.',
  })
  state: AgentStateName;
  @ApiProperty({
    type: String,
    format: 'date-time',
    nullable: true,
    description: 'Since when, as far as it is known; null for none.',
  })
  since: string | null;
  @ApiProperty({ type: WaitingForDto, nullable: true, description: 'null unless it waits.' })
  waitingFor: WaitingForDto | null;
}
