package cli

import (
	"fmt"
	"log/slog"

	"github.com/spf13/cobra"
)

// logging is the flags of a daemon's log.
type logging struct {
	level  slog.Level
	format logFormat
}

type logFormat string

// Set, String and Type make a logFormat a flag.
func (f *logFormat) Set(s string) error {
	if s != "text" && s != "json" {
		return fmt.Errorf("want text or json")
	}
	*f = logFormat(s)
	return nil
}

func (f *logFormat) String() string { return string(*f) }

// Type names the flag's value in help texts.
func (f *logFormat) Type() string { return "FORMAT" }

type levelFlag struct{ level *slog.Level }

func (l levelFlag) Set(s string) error {
	if err := l.level.UnmarshalText([]byte(s)); err != nil {
		return fmt.Errorf("want debug, info, warn or error")
	}
	return nil
}

func (l levelFlag) String() string {
	if l.level == nil {
		return ""
	}
	return map[slog.Level]string{slog.LevelDebug: "debug", slog.LevelInfo: "info", slog.LevelWarn: "warn", slog.LevelError: "error"}[*l.level]
}

func (l levelFlag) Type() string { return "LEVEL" }

func (l *logging) register(cmd *cobra.Command) {
	l.format = "text"
	cmd.Flags().Var(levelFlag{&l.level}, "log-level", "log from this level on: debug, info, warn or error")
	cmd.Flags().Var(&l.format, "log-format", "how to log: text or json")
}

// logger returns the daemon's log, on standard error.
func (a *app) logger(l logging) *slog.Logger {
	o := &slog.HandlerOptions{Level: l.level}
	if l.format == "json" {
		return slog.New(slog.NewJSONHandler(a.Stderr, o))
	}
	return slog.New(slog.NewTextHandler(a.Stderr, o))
}
