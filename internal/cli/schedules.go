package cli

import (
	"time"
	_ "time/tzdata" // for machines without a tz database

	"github.com/tender-scheduler/tender/core/model"
	"github.com/tender-scheduler/tender/frameworks/cron"
)

// cronFramework makes the framework for scheduled jobs.
func cronFramework() model.Framework {
	cfg := cron.DefaultConfig()
	cfg.Zone = time.LoadLocation
	f, err := cron.New(cfg)
	must(err) // the defaults are valid
	return f
}
