CREATE TABLE "egress_denials" (
	"container_id" uuid NOT NULL,
	"seq" bigint NOT NULL,
	"at" timestamp (3) with time zone NOT NULL,
	"host" text NOT NULL,
	"port" integer NOT NULL,
	"reason" text NOT NULL,
	"attempts" integer NOT NULL,
	CONSTRAINT "egress_denials_container_id_seq_pk" PRIMARY KEY("container_id","seq")
);
--> statement-breakpoint
ALTER TABLE "projects" ADD COLUMN "egress" jsonb DEFAULT '{}'::jsonb NOT NULL;--> statement-breakpoint
ALTER TABLE "containers" ADD COLUMN "egress" text DEFAULT 'open' NOT NULL;--> statement-breakpoint
ALTER TABLE "containers" ADD COLUMN "egress_allow" jsonb DEFAULT '[]'::jsonb NOT NULL;--> statement-breakpoint
ALTER TABLE "containers" ADD COLUMN "egress_sets" jsonb DEFAULT '[]'::jsonb NOT NULL;--> statement-breakpoint
ALTER TABLE "egress_denials" ADD CONSTRAINT "egress_denials_container_id_containers_id_fk" FOREIGN KEY ("container_id") REFERENCES "public"."containers"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "egress_denials_at" ON "egress_denials" USING btree ("at");