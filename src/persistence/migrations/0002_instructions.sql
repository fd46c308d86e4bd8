CREATE TABLE "instruction_diffs" (
	"instruction_id" uuid NOT NULL,
	"part" integer NOT NULL,
	"patch" "bytea" NOT NULL,
	CONSTRAINT "instruction_diffs_instruction_id_part_pk" PRIMARY KEY("instruction_id","part")
);
--> statement-breakpoint
CREATE TABLE "instruction_events" (
	"instruction_id" uuid NOT NULL,
	"seq" integer NOT NULL,
	"event" text NOT NULL,
	CONSTRAINT "instruction_events_instruction_id_seq_pk" PRIMARY KEY("instruction_id","seq")
);
--> statement-breakpoint
CREATE TABLE "instruction_permissions" (
	"instruction_id" uuid NOT NULL,
	"request_id" text NOT NULL,
	"tool_name" text NOT NULL,
	"input" text NOT NULL,
	"asked_at" timestamp (3) with time zone NOT NULL,
	"decision" text,
	"closed_at" timestamp (3) with time zone,
	CONSTRAINT "instruction_permissions_instruction_id_request_id_pk" PRIMARY KEY("instruction_id","request_id")
);
--> statement-breakpoint
CREATE TABLE "instructions" (
	"id" uuid PRIMARY KEY NOT NULL,
	"owner_id" text NOT NULL,
	"container_id" uuid NOT NULL,
	"position" bigint GENERATED ALWAYS AS IDENTITY (sequence name "instructions_position_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"prompt" text NOT NULL,
	"resume_session_id" uuid,
	"continue_latest" boolean NOT NULL,
	"model" text,
	"max_turns" integer,
	"max_budget_usd" double precision,
	"timeout_seconds" integer,
	"status" text NOT NULL,
	"status_reason" jsonb,
	"cancel_requested_at" timestamp (3) with time zone,
	"session_id" text,
	"result" text,
	"cost_usd" double precision,
	"turns" integer,
	"usage" jsonb,
	"diff_bytes" integer,
	"diff_truncated" boolean DEFAULT false NOT NULL,
	"last_seq" integer DEFAULT 0 NOT NULL,
	"event_offset" bigint DEFAULT 0 NOT NULL,
	"lease_holder" text,
	"lease_expires_at" timestamp (3) with time zone,
	"fence" bigint DEFAULT 0 NOT NULL,
	"created_at" timestamp (3) with time zone NOT NULL,
	"started_at" timestamp (3) with time zone,
	"finished_at" timestamp (3) with time zone
);
--> statement-breakpoint
ALTER TABLE "idempotency_keys" DROP CONSTRAINT "idempotency_keys_owner_id_key_pk";--> statement-breakpoint
ALTER TABLE "idempotency_keys" ADD COLUMN "scope" text DEFAULT 'containers' NOT NULL;--> statement-breakpoint
ALTER TABLE "idempotency_keys" ADD CONSTRAINT "idempotency_keys_owner_id_scope_key_pk" PRIMARY KEY("owner_id","scope","key");--> statement-breakpoint
ALTER TABLE "idempotency_keys" ADD COLUMN "instruction_id" uuid;--> statement-breakpoint
ALTER TABLE "instruction_diffs" ADD CONSTRAINT "instruction_diffs_instruction_id_instructions_id_fk" FOREIGN KEY ("instruction_id") REFERENCES "public"."instructions"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "instruction_permissions" ADD CONSTRAINT "instruction_permissions_instruction_id_instructions_id_fk" FOREIGN KEY ("instruction_id") REFERENCES "public"."instructions"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "instructions" ADD CONSTRAINT "instructions_container_id_containers_id_fk" FOREIGN KEY ("container_id") REFERENCES "public"."containers"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "instructions_container" ON "instructions" USING btree ("container_id","position");--> statement-breakpoint
CREATE INDEX "instructions_unfinished" ON "instructions" USING btree ("container_id") WHERE status in ('queued', 'running');--> statement-breakpoint
CREATE UNIQUE INDEX "instructions_running" ON "instructions" USING btree ("container_id") WHERE status = 'running';