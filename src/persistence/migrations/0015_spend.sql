CREATE TABLE "spend" (
	"project_id" uuid NOT NULL,
	"container_id" uuid NOT NULL,
	"instruction_id" uuid NOT NULL,
	"principal_id" text NOT NULL,
	"day" date NOT NULL,
	"model" text NOT NULL,
	"input_tokens" bigint NOT NULL,
	"output_tokens" bigint NOT NULL,
	"cache_read_tokens" bigint NOT NULL,
	"cache_write_tokens" bigint NOT NULL,
	"web_searches" bigint NOT NULL,
	"nanos" bigint NOT NULL,
	"unpriced_nanos" bigint NOT NULL,
	"unpriced_tokens" bigint NOT NULL,
	"answers" integer NOT NULL,
	"estimated_answers" integer NOT NULL,
	CONSTRAINT "spend_container_id_instruction_id_day_model_project_id_pk" PRIMARY KEY("container_id","instruction_id","day","model","project_id")
);
--> statement-breakpoint
CREATE TABLE "spend_journals" (
	"container_id" uuid NOT NULL,
	"journal" text NOT NULL,
	"last_seq" bigint NOT NULL,
	"updated_at" timestamp (3) with time zone NOT NULL,
	CONSTRAINT "spend_journals_container_id_journal_pk" PRIMARY KEY("container_id","journal")
);
--> statement-breakpoint
ALTER TABLE "projects" ADD COLUMN "budget_usd" jsonb DEFAULT '{}'::jsonb NOT NULL;--> statement-breakpoint
ALTER TABLE "containers" ADD COLUMN "budget_usd" double precision;--> statement-breakpoint
ALTER TABLE "instructions" ADD COLUMN "budget_usd" double precision;--> statement-breakpoint
ALTER TABLE "instructions" ADD COLUMN "exceeded_budget" text;--> statement-breakpoint
ALTER TABLE "spend" ADD CONSTRAINT "spend_project_id_projects_id_fk" FOREIGN KEY ("project_id") REFERENCES "public"."projects"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "spend_journals" ADD CONSTRAINT "spend_journals_container_id_containers_id_fk" FOREIGN KEY ("container_id") REFERENCES "public"."containers"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "spend_project" ON "spend" USING btree ("project_id","day");--> statement-breakpoint
CREATE INDEX "spend_instruction" ON "spend" USING btree ("instruction_id");