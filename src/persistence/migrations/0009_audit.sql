CREATE TABLE "audit_events" (
	"id" bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "audit_events_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	"actor_kind" text,
	"actor_id" text,
	"actor_name" text,
	"credential_kind" text,
	"credential_id" text,
	"address" text,
	"request_id" text,
	"action" text NOT NULL,
	"target_kind" text NOT NULL,
	"target_id" text,
	"target_name" text,
	"project_id" uuid,
	"outcome" text NOT NULL,
	"code" text,
	"details" jsonb
);
--> statement-breakpoint
CREATE INDEX "audit_events_project" ON "audit_events" USING btree ("project_id","id");--> statement-breakpoint
CREATE INDEX "audit_events_at" ON "audit_events" USING btree ("at");--> statement-breakpoint
CREATE FUNCTION "refuse_audit_update"() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	RAISE EXCEPTION 'audit events are not changed';
END;
$$;
--> statement-breakpoint
CREATE TRIGGER "audit_events_refuse_update" BEFORE UPDATE ON "audit_events" FOR EACH STATEMENT EXECUTE FUNCTION "refuse_audit_update"();
