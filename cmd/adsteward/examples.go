package main

// The examples that --help prints below a command's flags, where its one-line
// help has none.

func (*doctorCmd) Help() string { return "Example: adsteward doctor --config my-shop/adsteward.yaml" }

func (*initCmd) Help() string { return "Example: adsteward init my-shop" }

func (*serveCmd) Help() string {
	return "Example: adsteward serve --addr 127.0.0.1:9090. SIGTERM ends it once the stages under way have ended."
}

func (*statusCmd) Help() string {
	return "Example: adsteward status --json | jq '.runs[] | select(.error != \"\")'"
}

func (*migrateCmd) Help() string { return "Example: adsteward migrate status && adsteward migrate up" }

func (*migrateUp) Help() string { return "Example: adsteward migrate up" }

func (*migrateStatus) Help() string { return "Example: adsteward migrate status --json" }

func (*backupCmd) Help() string { return "Example: adsteward backup /backup/adsteward-$(date +%F).db" }

func (*killSwitchCmd) Help() string {
	return "Example: adsteward kill-switch on --reason \"prices are wrong in the shop\""
}

func (*proposalsShow) Help() string { return "Example: adsteward proposals show 3f9c2a --json" }

func (*proposalsReject) Help() string {
	return "Example: adsteward proposals reject 3f9c2a --reason \"the sale ends tomorrow\""
}

func (*proposalsApply) Help() string {
	return "Example: adsteward proposals apply 3f9c2a. What an earlier push left unsettled is finished first."
}

func (*proposalsRollback) Help() string {
	return "Example: adsteward proposals rollback 3f9c2a. The new proposal waits for a decision like any other."
}

func (*valuesCmd) Help() string { return "Example: adsteward values preview --platform meta" }

func (*auditCmd) Help() string { return "Example: adsteward audit verify" }

func (*auditList) Help() string { return "Example: adsteward audit list --proposal 3f9c2a --json" }

func (*auditVerify) Help() string {
	return "Example: adsteward audit verify || mail -s \"audit log broken\" ops@example.com"
}

func (*loginLinkCmd) Help() string { return "Example: adsteward login-link ann" }
