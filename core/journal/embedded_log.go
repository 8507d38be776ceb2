package journal

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap/zapcore"
)

// etcdLogBytes is the size at which etcd.log becomes etcd.log.old.
const etcdLogBytes = 4 << 20

// etcdLogs is the zap core of an embedded etcd. All of etcd's messages go to a
// file in the data directory, which is bounded; warnings and worse also go to the
// program's own log. It decides, too, what becomes of etcd's Fatal and Panic.
type etcdLogs struct {
	*logSink
	fields []zapcore.Field
}

// logSink is what all derived loggers share.
type logSink struct {
	path    string
	slog    *slog.Logger
	encoder zapcore.Encoder
	serving atomic.Bool

	mu     sync.Mutex           // guards the rest
	said   map[string]time.Time // when a message was last forwarded
	file   *os.File
	bytes  int64
	last   error         // the last Fatal or Panic message
	gaveUp chan struct{} // closed at the first Fatal or Panic of a start
}

func openEtcdLogs(path string, logger *slog.Logger) (*etcdLogs, error) {
	sink := &logSink{path: path, slog: logger, gaveUp: make(chan struct{}), said: map[string]time.Time{}, encoder: zapcore.NewJSONEncoder(zapcore.EncoderConfig{
		TimeKey: "ts", LevelKey: "level", NameKey: "logger", CallerKey: "caller", MessageKey: "msg",
		EncodeTime: zapcore.ISO8601TimeEncoder, EncodeLevel: zapcore.LowercaseLevelEncoder,
		EncodeDuration: zapcore.StringDurationEncoder, EncodeCaller: zapcore.ShortCallerEncoder,
	})}
	return &etcdLogs{logSink: sink}, sink.open()
}

func (s *logSink) open() error {
	file, err := os.OpenFile(s.path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	info, err := file.Stat()
	if err != nil {
		file.Close()
		return err
	}
	s.file, s.bytes = file, info.Size()
	return nil
}

// Enabled implements zapcore.Core.
func (l *etcdLogs) Enabled(level zapcore.Level) bool { return level >= zapcore.InfoLevel }

// With implements zapcore.Core.
func (l *etcdLogs) With(fields []zapcore.Field) zapcore.Core {
	return &etcdLogs{l.logSink, append(l.fields[:len(l.fields):len(l.fields)], fields...)}
}

// Check implements zapcore.Core.
func (l *etcdLogs) Check(e zapcore.Entry, ce *zapcore.CheckedEntry) *zapcore.CheckedEntry {
	if l.Enabled(e.Level) {
		return ce.AddCore(e, l)
	}
	return ce
}

// Sync implements zapcore.Core; the file is for reading after a fault of etcd,
// not of the machine, and is not synced.
func (l *etcdLogs) Sync() error { return nil }

// Write implements zapcore.Core.
func (l *etcdLogs) Write(e zapcore.Entry, fields []zapcore.Field) error {
	all := append(l.fields[:len(l.fields):len(l.fields)], fields...)
	if e.Level >= zapcore.WarnLevel && !expected(e) && l.due(e) {
		l.forward(e, all)
	}
	line, err := l.encoder.Clone().EncodeEntry(e, all)
	if err != nil {
		return err
	}
	defer line.Free()
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.file == nil {
		return nil // closed, or could not be opened anew
	}
	if l.bytes+int64(line.Len()) > etcdLogBytes {
		l.file.Close()
		l.file = nil
		if err := errors.Join(os.Rename(l.path, l.path+".old"), l.open()); err != nil {
			return err
		}
	}
	n, err := l.file.Write(line.Bytes())
	l.bytes += int64(n)
	return err
}

// repeatAfter is how often the program's log has the same message of etcd: some
// come ten times a second for as long as a member is away.
const repeatAfter = time.Minute

// due says whether a message is to be forwarded. What ends etcd always is.
func (s *logSink) due(e zapcore.Entry) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if e.Level <= zapcore.ErrorLevel && e.Time.Sub(s.said[e.Message]) < repeatAfter {
		return false
	}
	s.said[e.Message] = e.Time
	return true
}

// forward passes a message on to the program's log.
func (l *etcdLogs) forward(e zapcore.Entry, fields []zapcore.Field) {
	values := zapcore.NewMapObjectEncoder()
	for _, f := range fields {
		f.AddTo(values)
	}
	level := slog.LevelWarn
	if e.Level > zapcore.WarnLevel {
		level = slog.LevelError
	}
	attrs := make([]slog.Attr, 0, len(values.Fields))
	for k, v := range values.Fields {
		attrs = append(attrs, slog.Any(k, v))
	}
	l.slog.LogAttrs(context.Background(), level, "etcd: "+e.Message, attrs...)
	if e.Level > zapcore.ErrorLevel {
		err := errors.New(e.Message)
		if cause, ok := values.Fields["error"]; ok {
			err = fmt.Errorf("%s: %v", e.Message, cause)
		}
		l.mu.Lock()
		l.last = err
		l.mu.Unlock()
	}
}

// expected says that a warning is about the way this etcd is meant to be, or
// comes with every first start: an empty database has no schema version yet, and
// etcd looks again later.
func expected(e zapcore.Entry) bool {
	for _, known := range []string{
		"simple token is not cryptographically signed",
		"Running http and grpc server on single port",
		"Failed to detect schema version",
		"failed to update storage version",
		// Said of every peer that is down, twice every five seconds; that it was lost is said once.
		"prober detected unhealthy status",
	} {
		if strings.HasPrefix(e.Message, known) {
			return true
		}
	}
	return false
}

// OnWrite implements zapcore.CheckWriteHook for Fatal and Panic. While etcd
// starts, only the goroutine ends: the start fails and whoever asked for it hears
// why. Later etcd has met something, such as a write to its log that failed,
// after which it must not go on, and with it this process: what is durable is on
// disk, and a restart begins from there.
func (l *etcdLogs) OnWrite(*zapcore.CheckedEntry, []zapcore.Field) {
	if l.serving.Load() {
		l.slog.Error("etcd cannot continue and the process stops", "log", l.path)
		os.Exit(1)
	}
	l.mu.Lock()
	select {
	case <-l.gaveUp:
	default:
		close(l.gaveUp)
	}
	l.mu.Unlock()
	runtime.Goexit()
}

func (l *etcdLogs) started() { l.serving.Store(true) }

// fatal returns the last Fatal or Panic message.
func (l *etcdLogs) fatal() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.last
}

func (l *etcdLogs) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.file != nil {
		l.file.Close()
		l.file = nil
	}
}
