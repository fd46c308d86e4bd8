import { ApiProperty } from '@nestjs/swagger';
import { MODEL_PROBLEM_REASONS } from '../drivers/workspace-egress.js';

export const AGENT_STATES = ['none', 'idle', 'working', 'waiting'] as const;
export type AgentStateName = (typeof AGENT_STATES)[number];

/** What must be answered before the agent continues. */
export class WaitingForDto {
  @ApiProperty({
    type: String,
    nullable: true,
    description:
      'The tool that the agent requests to use, such as Bash; null when unknown, or for a question without a tool.',
  })
  tool: string | null;
  @ApiProperty({ description: 'The beginning of the command, path or question, on one line; written by the agent.' })
  text: string;
}

/** Why the API of the model did not answer a container. */
export class ModelProblemDto {
  @ApiProperty({
    enum: MODEL_PROBLEM_REASONS,
    description:
      'credential_refused: the API refuses the API key or token (401, 403). rate_limited (429), overloaded (529) and failed (other 5xx) pass by themselves in most cases. unreachable: there was no answer.',
  })
  reason: (typeof MODEL_PROBLEM_REASONS)[number];
  @ApiProperty({ type: Number, nullable: true, description: 'The HTTP status; null when there was no answer.' })
  status: number | null;
  @ApiProperty({ format: 'date-time', description: 'When the API last refused.' }) at: string;
}

/** The state of Claude Code in a container. */
export class AgentDto {
  @ApiProperty({ description: 'Whether a Claude Code session is open.' }) active: boolean;
  @ApiProperty({
    enum: AGENT_STATES,
    description: 'With several sessions, the first of waiting, working and idle that applies to one of them.',
  })
  state: AgentStateName;
  @ApiProperty({
    type: String,
    format: 'date-time',
    nullable: true,
    description: 'When the state began; null when unknown, and for none.',
  })
  since: string | null;
  @ApiProperty({ type: WaitingForDto, nullable: true, description: 'null unless the state is waiting.' })
  waitingFor: WaitingForDto | null;
  @ApiProperty({
    type: ModelProblemDto,
    nullable: true,
    description: 'Why the API of the model refused the last request for a model; null once it has answered one.',
  })
  modelProblem: ModelProblemDto | null;
}
